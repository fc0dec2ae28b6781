import { adviseMethods, type MethodAdvice, type Situation } from '../../methods/advise-methods.ts'
import { holdsWeights, methodParts } from '../../methods/registry.ts'
import { addsClasses } from '../classes.ts'
import { overlapsIn, overlapWarning } from '../overlaps.ts'
import { rowsIn } from '../parts.ts'
import type { RungName } from '../recipes/index.ts'
import type { UpdateOptions } from '../update-types.ts'
import { type RowCounts, sampleRows } from './sample-rows.ts'
import { type MeasuredRecipe, tryMethod } from './try-method.ts'

/** What advice is made of: what an update is, and how long may be measured. */
export interface AdviseOptions extends Omit<UpdateOptions, 'method' | 'rungs' | 'time'> {
  /** Seconds for all that is measured, about. Default 60. */
  readonly time?: number | undefined
  /** Rows to train on that are measured with, of new and of old ones each. Default 2,000. */
  readonly rows?: number | undefined
}

/** Which method, at what cost, by what evidence. */
export interface UpdateAdvice {
  readonly situation: Situation
  /** What our tables say. */
  readonly prior: MethodAdvice
  /** What was measured on the rows, the best first; none where nothing old is there to measure on. */
  readonly measured: readonly MeasuredRecipe[]
  /** What would have taken longer than there was time for. */
  readonly unmeasured: readonly {
    readonly method: string
    readonly rung: string
    readonly seconds: number | null
  }[]
  /** The old model's accuracy on the same new rows; null where nothing was measured. */
  readonly before: number | null
  /** Rows that were measured with, and how many there are. */
  readonly rows: RowCounts
  readonly notes: readonly string[]
}

const defaults = { time: 60, rows: 2000 } as const

/**
 * Says which method suits an update: by what our tables say of its situation, and by a short sweep on its own rows. The usual method climbs
 * the ladder as an update does, the others the dearest rung of it, on at most `rows` rows, and what each reaches inside the budget is read off
 * the old rows that order and new rows that are not trained on. Rows that prove have no part in it, so that they can prove the update afterwards.
 *
 * @throws What `updateModel` throws.
 * @example
 * const { measured } = await adviseUpdate({ engine, model, widened: model, data, budget: { maxDrop: 0.01 } })
 * const result = await updateModel({ engine, model, widened: model, data, budget, ...measured[0]?.asked })
 */
export async function adviseUpdate(options: AdviseOptions): Promise<UpdateAdvice> {
  const { time = defaults.time, rows = defaults.rows, ...update } = options
  const situation = situationOf(update)
  const prior = adviseMethods(situation)
  const { parts, sampled, counts } = sampleRows(update.data, rows, update.seed ?? 0)
  const overlapping = overlapsIn(update.data).overlaps.flatMap(overlapWarning)
  const told = { situation, prior, rows: counts }
  if (!parts.order || !parts.proof) {
    return {
      ...told,
      measured: [],
      unmeasured: [],
      before: null,
      notes: [...overlapping, nothingToMeasure(situation.old === 'some')],
    }
  }
  const found: MeasuredRecipe[] = []
  const unmeasured: { method: string; rung: string; seconds: number | null }[] = []
  let before: number | null = null
  const candidates = methodsToTry(update, prior)
  const began = performance.now()
  for (const [at, method] of candidates.entries()) {
    const left = time - (performance.now() - began) / 1000
    if (at > 0 && left <= 0) {
      unmeasured.push({ method, rung: 'all', seconds: null })
      continue
    }
    // The first climbs the whole ladder, the others the rung on which methods differ.
    const rungs = at === 0 ? undefined : differing(found)
    const share = at === 0 && candidates.length > 1 ? left / 2 : left / (candidates.length - at)
    // The first is what an update takes where no method is named.
    const asked = at === 0 ? undefined : method
    const tried = await tryMethod({ ...update, data: sampled, method: asked, rungs, time: share }, counts)
    before ??= tried.before
    found.push(...tried.recipes)
    if (tried.stopped) unmeasured.push({ method, ...tried.stopped })
  }
  return {
    ...{ ...told, unmeasured, before },
    measured: [...found].sort((a, b) => b.new - a.new || a.seconds.all - b.seconds.all),
    notes: [...overlapping, ...(counts.used < counts.all ? [fewer(counts)] : [])],
  }
}

const nothingToMeasure = (rehearsed: boolean): string =>
  `${
    rehearsed
      ? 'The old rows that are there are to be rehearsed, and none is held out to measure on'
      : 'No old rows are there to measure on'
  }: nothing can be said of what each method keeps on these data, and no update can be proved. What follows is what our tables say. ${
    rehearsed
      ? 'Make the pack of data with a test part (holdfast keep), or name old rows (--old).'
      : 'Make a pack when a model ships (holdfast keep), or label some old rows.'
  }`

const fewer = ({ used, all }: RowCounts): string =>
  `Measured with ${used.toLocaleString('en-US')} of ${all.toLocaleString('en-US')} rows to train on: with all of them recipes that train more of the model gain most.`

/** What the data and the model say of the situation. Nothing in data says which task an input belongs to. */
function situationOf(options: Pick<UpdateOptions, 'data' | 'model' | 'widened'>): Situation {
  const { data } = options
  const some = rowsIn(data.exemplars) > 0
  return {
    model: 'classifier',
    old: some ? 'some' : data.sums ? 'sums' : 'none',
    tasks: 'untold',
    classes: addsClasses(options) ? 'new' : 'same',
  }
}

/** The methods that our tables rank, the one first that an update takes by itself, and plain training, which says what the others are worth. */
const methodsToTry = ({ lora }: AdviseOptions, { ranked }: MethodAdvice): readonly string[] =>
  [...ranked.map(({ method }) => method), 'none'].filter(
    (method) => !lora || !methodParts(method).some(holdsWeights),
  )

/** The dearest rung that the first method climbed: there methods differ most. */
function differing(found: readonly MeasuredRecipe[]): readonly RungName[] | undefined {
  const names = found.map(({ asked }) => asked.rungs.at(-1))
  const last = (['whole', 'above', 'head'] as const).find((name) => names.includes(name))
  return last && [last]
}
