import { classLabels } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { openJudge } from '../evaluate/judge.ts'
import { checkedConfidence } from '../measure/confidence.ts'
import { checkBudget } from '../measure/paired.ts'
import { holdsWeights, methodParts } from '../methods/registry.ts'
import { findHead } from '../model/heads/index.ts'
import { augmentationOf } from '../train/augment/index.ts'
import { type Baseline, baselineOf, knownOf } from './baseline.ts'
import { addsClasses, outputsOf } from './classes.ts'
import type { Context } from './context.ts'
import { assignRows, type Parts, rowsIn } from './parts.ts'
import { accuracyOf, claimsFor } from './path/index.ts'
import { chooseMethod, ladderFor, openTrunk, partOf, type Rung } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'

/** The method that trains, by its name, checked against the data. */
export function methodOf(options: UpdateOptions): string {
  const { method: asked, data, lora } = options
  const { name } = chooseMethod(asked, {
    exemplars: rowsIn(data.exemplars) > 0,
    unlabelled: data.unlabelled !== undefined,
    added: addsClasses(options),
  })
  const penalty = methodParts(name).find(holdsWeights)
  if (!penalty || !lora) return name
  throw new UsageError(
    'method-lora',
    `The method ${penalty.name} holds weights in place, but LoRA leaves them as they are and trains others. Take one of the two: LoRA with replay, or ${penalty.name} on the model's own weights.`,
  )
}

/** Answers with the old model everything that is asked of it once. To be closed with {@link closeContext}. */
export async function openContext(options: UpdateOptions): Promise<Context> {
  const { engine, model, widened, data, budget } = options
  checkBudget(budget.maxDrop)
  checkedConfidence(budget.confidence)
  const parts = assignRows(data)
  // Refused before time is spent, should it not go with the data.
  augmentationOf(options.augment, data.train)
  const method = methodOf(options)
  const oldClasses = outputsOf(options)
  const ladder = ladderFor({
    ...options,
    rowDims: data.train.inputs.dims.slice(1),
    rows: rowsIn(data.train, parts.exemplars, parts.order, parts.proof, parts.choose),
    closedForm: worksOutHeads(options, method),
  })
  // Without old rows that prove, or that order, nothing says whether one rung is better than another.
  const rungs = parts.proof && parts.order ? ladder : oneOf(ladder, data)
  const trunk = openTrunk(engine, model, rungs)
  const { base } = trunk
  const before = openJudge(engine, base ? partOf(base, model) : model, oldClasses)
  try {
    const began = performance.now()
    const baseline = await baselineOf(before, parts, oldClasses, (rows) =>
      base ? trunk.rowsAt(base, rows) : Promise.resolve(rows),
    )
    const rows = rowsIn(parts.order, parts.proof, parts.choose)
    const seconds = (performance.now() - began) / 1000
    return {
      ...{ options, method, parts, baseline, oldClasses, rungs, trunk },
      judge: openJudge(engine, widened, widened.classes.length),
      claims: claimsOn(options, parts, baseline),
      before: knownOf(parts, baseline, oldClasses),
      aim: {
        budget,
        before: accuracyOf(baseline.choose, classLabels(parts.choose)),
        added: addsClasses(options),
      },
      shift: shiftable(options),
      secondsPerRow: seconds / rows,
      preparation: seconds,
    }
  } finally {
    await before.dispose()
  }
}

/** A head may be worked out where classes are added, there is something old to set them beside, and no method is asked for. */
function worksOutHeads(options: UpdateOptions, method: string): boolean {
  const { data } = options
  const old = data.sums !== undefined || rowsIn(data.exemplars) > 0
  const usual = methodOf({ ...options, method: undefined })
  return addsClasses(options) && old && method === usual
}

/** The rung that is taken where only one can be: sums keep old classes apart from new ones, which rows of the new alone do not. */
const oneOf = (ladder: readonly Rung[], { sums }: UpdateOptions['data']): readonly Rung[] =>
  sums && ladder[0]?.name === 'closed-form' ? ladder.slice(0, 1) : ladder.slice(-1)

function claimsOn({ budget, data }: UpdateOptions, { proof }: Parts, baseline: Baseline): Context['claims'] {
  if (!proof) return []
  return claimsFor({
    budget,
    before: baseline.proof,
    labels: classLabels(proof),
    traffic: data.traffic,
    first: data.first?.answers,
    uses: Math.max(0, ...(data.uses ?? []).map(({ releases }) => releases)),
  })
}

/** Gives back what the rungs shared. */
export const closeContext = ({ judge }: Context): Promise<void> => judge.dispose()

/** Whether the new classes' logits can be shifted: by the head's bias, and only where there are some. */
const shiftable = (options: UpdateOptions): boolean =>
  addsClasses(options) && findHead(options.widened)?.bias !== undefined
