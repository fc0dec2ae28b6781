import { classLabels, type Dataset } from '../data/dataset.ts'
import { openJudge } from '../evaluate/judge.ts'
import { checkedConfidence } from '../measure/confidence.ts'
import { checkBudget } from '../measure/paired.ts'
import { findHead } from '../model/heads/index.ts'
import { augmentationOf } from '../train/augment/index.ts'
import { type Baseline, baselineOf, knownOf } from './baseline.ts'
import { withFollowingNorms } from './batch-norms.ts'
import { addsClasses, outputsOf } from './classes.ts'
import type { Context } from './context.ts'
import { methodOf } from './method-of.ts'
import { assignRows, type Parts, rowsIn } from './parts.ts'
import { accuracyOf, claimsFor } from './path/index.ts'
import { openActivated, proverOf } from './prover.ts'
import { settleProving } from './proving.ts'
import { openTrunk, partOf, type Rung } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'
import { openViews } from './views.ts'

/** Answers with the old model everything that is asked of it once. To be closed with {@link closeContext}. */
export async function openContext(asked: UpdateOptions): Promise<Context> {
  const { maxDrop, maxDropTotal, maxDropPerClass } = asked.budget
  for (const limit of [maxDrop, maxDropTotal, maxDropPerClass]) if (limit !== undefined) checkBudget(limit)
  checkedConfidence(asked.budget.confidence)
  const { ladder, data } = settleProving(asked)
  const parts = assignRows(data)
  const options = withFollowingNorms({ ...asked, data }, parts)
  const { engine, model, widened, budget } = options
  // Refused before time is spent, should it not go with the data.
  augmentationOf(options.augment, data.train)
  const method = methodOf(options)
  const oldClasses = outputsOf(options)
  // Without old rows that prove, or that order, nothing says whether one rung is better than another; and where there are sums, but nothing to
  // rehearse, what is worked out from them is all that keeps old classes apart from new ones.
  const rehearses = rowsIn(parts.exemplars) > 0 || data.sums === undefined
  const rungs = parts.proof && parts.order && rehearses ? ladder : oneOf(ladder, data)
  const trunk = openTrunk(engine, model, rungs)
  const { base } = trunk
  const before = openJudge(engine, base ? partOf(base, model) : model, oldClasses)
  const aboveBefore = openActivated(engine, model, parts.proof?.above, oldClasses)
  try {
    const began = performance.now()
    const read = (rows: Dataset) => (base ? trunk.rowsAt(base, rows) : Promise.resolve(rows))
    const inputs = parts.proof?.inputs && (await read(parts.proof.inputs))
    const baseline = await baselineOf(before, parts, oldClasses, {
      read,
      prove: proverOf(before, inputs, aboveBefore),
    })
    const rows = rowsIn(parts.order, parts.proof?.inputs, parts.choose)
    const seconds = (performance.now() - began) / 1000
    return {
      ...{ options, method, parts, baseline, oldClasses, rungs, trunk, views: openViews(options) },
      judge: openJudge(engine, widened, widened.classes.length),
      above: openActivated(engine, widened, parts.proof?.above, widened.classes.length),
      claims: claimsOn(options, parts, baseline),
      before: knownOf(parts, baseline, oldClasses),
      aim: {
        budget,
        before: accuracyOf(baseline.choose, classLabels(parts.choose)),
        added: addsClasses(options),
        oneLine: shiftable(options) && tellsApart(parts),
      },
      shift: shiftable(options),
      secondsPerRow: seconds / rows,
      preparation: seconds,
    }
  } finally {
    await before.dispose()
    await aboveBefore?.judge.dispose()
  }
}

/** So many old rows say which line of candidates is best; of fewer all lines are put in one order. */
const TELL_APART = 100

/** Whether the rows that order, which no training saw, are enough to choose one line of candidates by. */
const tellsApart = ({ order, exemplars }: Parts): boolean =>
  order !== exemplars && rowsIn(order) >= TELL_APART

/** The rung that is taken where only one can be: sums keep old classes apart from new ones, which rows of the new alone do not. */
const oneOf = (ladder: readonly Rung[], { sums }: UpdateOptions['data']): readonly Rung[] =>
  sums && ladder[0]?.name === 'closed-form' ? ladder.slice(0, 1) : ladder.slice(-1)

function claimsOn(
  { budget, data, widened }: UpdateOptions,
  { proof }: Parts,
  baseline: Baseline,
): Context['claims'] {
  if (!proof) return []
  return claimsFor({
    budget,
    before: baseline.proof,
    labels: proof.labels,
    traffic: data.traffic,
    classes: widened.classes,
    first: proof.first,
    uses: Math.max(0, ...(proof.uses ?? []).map(({ releases }) => releases)),
  })
}

/** Gives back what the rungs shared. */
export async function closeContext({ judge, above }: Context): Promise<void> {
  await judge.dispose()
  await above?.judge.dispose()
}

/** Whether the new classes' logits can be shifted: by the head's bias, and only where there are some. */
const shiftable = (options: UpdateOptions): boolean =>
  addsClasses(options) && findHead(options.widened)?.bias !== undefined
