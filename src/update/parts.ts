import { type Dataset, samples, subset } from '../data/dataset.ts'
import { rowDraws } from '../data/row-draws.ts'
import { UsageError } from '../errors.ts'
import type { FeatureSums } from '../evaluate/sums.ts'
import { itemAt } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { below, evenly } from './hold-out.ts'
import { type ActivationRows, type ProofRows, proofRows, type Uses } from './proof-rows.ts'

/** What there is to learn from and to measure on. Labels are units of the updated model: old classes first. */
export interface UpdateData {
  readonly train: Dataset
  /** New rows that are not trained on. */
  readonly heldOut: Dataset
  /** Old rows to rehearse. */
  readonly exemplars?: Dataset | undefined
  /** Old rows that the model was not trained on: the budget is proved on all of them. */
  readonly oldHeldOut?: Dataset | undefined
  /**
   * Other old rows, to order candidates by before they are tested: neither trained on nor proof. Default: a fifth of the exemplars; without
   * any, a tenth of 500 or more of `oldHeldOut`. See {@link assignRows}.
   */
  readonly oldOrder?: Dataset | undefined
  /** Other new rows that what was chosen on `heldOut` is measured on. Default: `heldOut` itself. */
  readonly check?: Dataset | undefined
  /** Sums of the features that the updated model's head reads, over old rows, under its classes: see `featureSums`. */
  readonly sums?: FeatureSums | undefined
  /** More of them, as what the layers below a cut make of them: they prove updates of what lies above it, see `settleProving`. */
  readonly oldActivations?: ActivationRows | undefined
  /** Each class's share of the traffic, by unit, summing to 1; default: every old row counts the same. */
  readonly traffic?: readonly number[] | undefined
  /** What the model's first release answered for each row of `oldHeldOut`, -1 for rows that came later. The total budget is held against it. */
  readonly first?: { readonly name: string; readonly answers: Int32Array } | undefined
  /** How many rows of `oldHeldOut` have proved how many releases before; see `levelFor` for what follows from it. */
  readonly uses?: Uses | undefined
  /** Inputs whose labels mean nothing. */
  readonly unlabelled?: Dataset | undefined
}

/** Rows by the part that they play. */
export interface Parts {
  /** Old rows that are rehearsed. */
  readonly exemplars: Dataset | undefined
  /** Old rows that order candidates. */
  readonly order: Dataset | undefined
  /** Old rows that prove the budget: all that are held out, but for those that order. */
  readonly proof: ProofRows | undefined
  /** New rows that candidates are compared on, and those that the result is measured on. */
  readonly choose: Dataset
  readonly check: Dataset
}

/** Rows of all of these together; none of those that there are not. */
export const rowsIn = (...datasets: readonly (Dataset | undefined)[]): number =>
  datasets.reduce((sum, dataset) => sum + (dataset ? samples(dataset) : 0), 0)

/** So many new rows at most are cross-fitted: among more the best of many candidates is hardly better by chance. */
const MOST_CROSS_FITTED = 2000

/** Whether new accuracy is told by cross-fitting: where candidates are chosen on the rows that it is measured on. */
export const crossFits = ({ proof, choose, check }: Parts): boolean =>
  proof !== undefined && check === choose && samples(choose) <= MOST_CROSS_FITTED

/** Of the exemplars, the share that orders; of fewer than so many all do both: a poor order proves less, but nothing false. */
const ORDER = 0.2
const FEW = 50
/** More need not order. */
const MOST_ORDER = 2000

/** Exemplars that are rehearsed for each new row, or in all: as many as eight passes draw, which is what the longest recipe takes. */
const REHEARSED = 8
const MOST_REHEARSED = 8000

/** Where nothing is rehearsed, the share of the held-out rows that orders, and proves nothing; none of fewer than so many. */
const SPARED = 0.1
const MANY = 500

/** By the rule of `holdOut`. */
const HOW_TO_HOLD_OUT =
  'Without a test or validation part they are taken from classes with two rows or more: give two rows of a class at least, or rows of their own in a part test/.'

/**
 * The part that each row plays. Which exemplars order is told by what they say (`rowDraws`), so that they are the same ones next month.
 *
 * @throws UsageError `update-data` without new rows to train on, or to measure on.
 */
export function assignRows(data: UpdateData): Parts {
  const { train, heldOut } = data
  for (const [what, dataset, way] of [
    ['to train on', train, 'Give some with labels.'],
    ['held out from training', heldOut, HOW_TO_HOLD_OUT],
  ] as const) {
    if (samples(dataset) > 0) continue
    throw new UsageError(
      'update-data',
      `An update needs new rows ${what}, but "${dataset.name}" has none. ${way}`,
    )
  }
  return {
    ...orderedAndProved(data),
    choose: heldOut,
    check: data.check ?? heldOut,
  }
}

function orderedAndProved(data: UpdateData): Pick<Parts, 'exemplars' | 'order' | 'proof'> {
  const { exemplars, oldOrder, oldHeldOut, first } = data
  if (oldOrder) return { exemplars: rehearsed(data, exemplars), order: oldOrder, proof: proofRows(data) }
  if (rowsIn(exemplars) > 0 || !oldHeldOut || samples(oldHeldOut) < MANY) {
    const { order, ...rest } = divided(exemplars)
    return { exemplars: rehearsed(data, rest.exemplars), order, proof: proofRows(data) }
  }
  const { part, rest } = dealt(oldHeldOut, SPARED)
  const answers = first && Int32Array.from(rest, (row) => itemAt(first.answers, row, 'answer'))
  return {
    exemplars,
    order: subset(oldHeldOut, part),
    proof: proofRows({
      ...data,
      oldHeldOut: subset(oldHeldOut, rest),
      first: first && answers && { ...first, answers },
    }),
  }
}

function divided(exemplars: Dataset | undefined): Pick<Parts, 'exemplars' | 'order'> {
  if (!exemplars || samples(exemplars) < FEW) return { exemplars, order: exemplars }
  const { part, rest } = dealt(exemplars, Math.min(ORDER, MOST_ORDER / samples(exemplars)))
  return { exemplars: subset(exemplars, rest), order: subset(exemplars, part) }
}

/** Of many exemplars as many as training draws, of each class alike: what lies below a cut is run for each of them. */
function rehearsed({ train }: UpdateData, exemplars: Dataset | undefined): Dataset | undefined {
  const most = Math.max(MOST_REHEARSED, REHEARSED * samples(train))
  return exemplars && evenly(exemplars, most, randomStream(0, 'update/rehearsed'))
}

/** About a share of the rows, and the others. */
function dealt(dataset: Dataset, share: number): { readonly part: Int32Array; readonly rest: Int32Array } {
  const rows = Array.from({ length: samples(dataset) }, (_, row) => row)
  const chosen = new Set(below(rows, rowDraws(dataset, 'order'), share))
  const those = (wanted: boolean) => Int32Array.from(rows.filter((row) => chosen.has(row) === wanted))
  return { part: those(true), rest: those(false) }
}
