import { openTurns } from '../../engine/turns.ts'
import { UsageError } from '../../errors.ts'
import type { FeatureSums } from '../../evaluate/sums.ts'
import type { Model } from '../../model/model.ts'
import { present } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Calibration, calibrate } from './calibrate.ts'
import { type Classifier, type Fitted, type JudgedRows, rowOf, type Weighting } from './classifier.ts'
import { contestOf } from './contest.ts'
import { classifierOf, headTensors, linearHead } from './head-classifier.ts'
import { judgedRows } from './judged-rows.ts'
import { lda } from './lda.ts'
import { logitMoments, logitScale } from './moments.ts'
import { ridge } from './ridge.ts'

export interface ClosedFormOptions {
  /** With a row of its head for every class, old ones first; those of the old classes are trained. */
  readonly model: Model
  readonly oldClasses: number
  /** Over all rows, old and new, under the classes of the model; see `addSums` and `sumsUnder`. */
  readonly sums: FeatureSums
  /** New rows, as the model's head reads them. They are among the rows that were summed. */
  readonly fresh: JudgedRows
  /** Old rows that are left, which were summed, too. Without them old rows are drawn from the Gaussians that the sums describe. */
  readonly exemplars?: JudgedRows | undefined
  readonly kind: 'ridge' | 'lda'
  /**
   * What becomes of the rows of old classes: `fixed` leaves them as they are, bit for bit, and puts the new ones beside them, scaled and
   * shifted to fit; `free` works all of them out anew, in the scale of the trained logits.
   */
  readonly old: 'fixed' | 'free'
  /** Whether each class counts alike, or as many rows as it has. Default `equal`. */
  readonly weighting?: Weighting | undefined
  /** Default: chosen by leaving rows out, or from the sums where there are no old rows. */
  readonly strength?: number | undefined
  /** Of what is drawn at random. Default 0. */
  readonly seed?: number | undefined
  /** Stops the work, which takes some seconds for 2,000 features. */
  readonly signal?: AbortSignal | undefined
}

/** A head that was worked out, and how. */
export interface ClosedForm extends Calibration, Pick<Fitted, 'strength' | 'chosenBy'> {
  /** The head's weight and bias by name, with the dims that they have in the model. */
  readonly parameters: ReadonlyMap<string, Tensor<'float32'>>
}

/**
 * The head of a model from sums of its features, without a step of training: ridge regression or linear discriminant analysis, brought
 * into the scale of the trained head. The new logits' scale and offset are those that tell old and new rows apart best (logistic
 * regression on two numbers, each class counting alike), on answers without the row itself. Where there are no exemplars, old rows'
 * logits are drawn, and the scale is that at which old classes' logits spread as the trained ones do. Classes of which no row was summed keep the rows of the head that they have.
 *
 * @throws ModelError `head-missing`, `head-tied`, `head-closed-form`; UsageError `sums-mismatch` for sums of other features or classes,
 * `closed-form-old` where old rows are fixed and there are no others, `closed-form-bias`, `features-constant`, `judged-rows`; TrainingError
 * `interrupted`.
 * @example
 * const { parameters } = await closedFormHead({ model: widened, oldClasses: 8, sums, fresh, exemplars, kind: 'ridge', old: 'fixed' })
 */
export async function closedFormHead(options: ClosedFormOptions): Promise<ClosedForm> {
  const { model, oldClasses, sums, kind, old, weighting, strength } = options
  const head = linearHead(model)
  const trained = classifierOf(model, head)
  refuseMismatch(sums, trained, options)
  if (kind === 'lda' && head.bias === undefined) {
    throw new UsageError(
      'closed-form-bias',
      `Linear discriminant analysis needs one offset a class, and the head "${head.node}" has no bias. Take ridge regression.`,
    )
  }
  const { fresh, exemplars, seed = 0 } = options
  const classes = sums.counts.length
  const rows = judgedRows(
    [...(exemplars ? [exemplars] : []), fresh],
    classes,
    randomStream(seed, 'closed form/rows'),
  )
  const fit = {
    ...{ weighting, strength, rows, turn: openTurns(options.signal) },
    chooseBy: exemplars ? ('rows' as const) : ('sums' as const),
  }
  const found =
    kind === 'ridge'
      ? await ridge(sums, { ...fit, intercept: head.bias !== undefined })
      : await lda(sums, fit)
  const start = { scale: matchedScale(options, trained, found), offset: 0 }
  const calibration = classes > oldClasses ? calibrated(options, trained, found, start, rows) : start
  const classifier = joined(sums, trained, found, (unit) =>
    unit >= oldClasses ? calibration : old === 'fixed' ? undefined : { ...calibration, offset: 0 },
  )
  return {
    parameters: headTensors(model, head, classifier),
    ...calibration,
    strength: found.strength,
    chosenBy: found.chosenBy,
  }
}

/** Scale and offset of the new logits; where the old ones are worked out, too, they have one scale. */
function calibrated(
  { model, oldClasses, sums, exemplars, old: kept, seed = 0 }: ClosedFormOptions,
  trained: Classifier,
  found: Fitted,
  start: Calibration,
  rows: JudgedRows,
): Calibration {
  const fixed = kept === 'fixed'
  const leftOut = present(found.leftOut, 'answers without a row')
  const contest = contestOf({
    ...{ sums, oldClasses, rows, fresh: found, draw: exemplars === undefined },
    old: fixed ? trained : scaled(found, start),
    leftOut: { fresh: leftOut, old: fixed ? undefined : leftOut.map((logit) => logit * start.scale) },
    random: randomStream(seed, 'closed form/drawn rows'),
  })
  // Rows that are drawn are not far enough from the mean for a scale: it is that of the trained logits.
  const scale = fixed && exemplars !== undefined
  return calibrate(contest, start, { scale, offset: linearHead(model).bias !== undefined })
}

function refuseMismatch(
  { counts, width }: FeatureSums,
  { biases, weights }: Classifier,
  { model, oldClasses, old }: ClosedFormOptions,
): void {
  if (counts.length !== biases.length || width !== weights.length / biases.length) {
    throw new UsageError(
      'sums-mismatch',
      `The sums are of ${counts.length} classes and ${width} features, but the head has ${biases.length} classes and reads ${weights.length / biases.length} features. Sums hold for the features that they were made of.`,
    )
  }
  if (old === 'fixed' && model.classes.length <= oldClasses) {
    throw new UsageError(
      'closed-form-old',
      'The old rows of the head are to stay, and there are no others: nothing would change. Let them be worked out anew.',
    )
  }
}

/** What brings the classifier's logits of old classes to the spread that the trained ones have over old rows. */
function matchedScale(
  { sums, oldClasses }: ClosedFormOptions,
  trained: Classifier,
  found: Classifier,
): number {
  const known = knownClasses(sums).filter((unit) => unit < oldClasses)
  // One logit alone has no spread about itself.
  if (known.length < 2) return 1
  const [was, is] = [trained, found].map((one) => logitScale(logitMoments(sums, one), known, known)) as [
    number,
    number,
  ]
  return was > 0 && is > 0 ? was / is : 1
}

const knownClasses = ({ counts }: FeatureSums): number[] =>
  [...counts.keys()].filter((unit) => counts[unit] !== 0)

const scaled = ({ weights, biases }: Classifier, { scale }: Calibration): Classifier => ({
  weights: weights.map((weight) => weight * scale),
  biases: biases.map((bias) => bias * scale),
})

/** The head: each class's row as it was worked out, scaled and shifted, or as it was trained. */
function joined(
  { counts, width }: FeatureSums,
  trained: Classifier,
  found: Classifier,
  of: (unit: number) => Calibration | undefined,
): Classifier {
  const [weights, biases] = [trained.weights.slice(), trained.biases.slice()]
  for (const [unit, count] of counts.entries()) {
    const taken = count === 0 ? undefined : of(unit)
    if (!taken) continue
    weights.set(
      rowOf(found.weights, unit, width).map((weight) => weight * taken.scale),
      unit * width,
    )
    biases[unit] = (found.biases[unit] as number) * taken.scale + taken.offset
  }
  return { weights, biases }
}
