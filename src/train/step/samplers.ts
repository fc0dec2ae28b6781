import { samples } from '../../data/dataset.ts'
import { type BatchPlanState, batchPlan, type Pool, resumeBatchPlan } from '../../data/memory/index.ts'
import { UsageError } from '../../errors.ts'
import type { BatchSource, Json, RowSampler } from '../../methods/method.ts'
import type { RandomStream } from '../../tensor/random.ts'

/** The samplers of a task's sources, planned together. */
export interface BatchSampler {
  /** Pool rows [steps * rows a batch], the sources side by side within each step. */
  next(steps: number): Int32Array<ArrayBuffer>
  state(): { readonly [source: string]: Json }
}

/**
 * One sampler a source. Sources without one of their own go through shuffled epochs; the source called 'new' comes
 * first, and its rows are shown to the others (a reservoir takes its exemplars from them).
 *
 * @throws UsageError `source-twice` for two sources of one name.
 */
export function createBatchSampler(
  sources: readonly BatchSource[],
  pool: Pool,
  random: (source: string) => RandomStream,
  saved: { readonly [source: string]: Json },
): BatchSampler {
  checkNames(sources)
  const newIndex = sources.findIndex(({ name }) => name === 'new')
  const samplers = sources.map((source, index) => {
    const offset = pool.offsets[index] ?? 0
    const context = {
      random: (name: string) => random(`${source.name}/${name}`),
      pool,
      offset,
      newOffset: pool.offsets[newIndex] ?? 0,
      saved: saved[source.name],
    }
    return source.sampler?.(context) ?? epochs(source, offset, random(source.name), context.saved)
  })
  const width = sources.reduce((sum, { size }) => sum + size, 0)
  return {
    next: (steps) => {
      const rows = new Int32Array(steps * width)
      let fresh: Int32Array = new Int32Array()
      let column = 0
      sources.forEach(({ size }, index) => {
        const drawn = samplers[index]?.next(steps, fresh) ?? new Int32Array()
        if (index === newIndex) fresh = drawn
        for (let step = 0; step < steps; step++) {
          rows.set(drawn.subarray(step * size, (step + 1) * size), step * width + column)
        }
        column += size
      })
      return rows
    },
    state: () =>
      Object.fromEntries(sources.map(({ name }, index) => [name, samplers[index]?.state() ?? null])),
  }
}

/** Samplers and their checkpoints go by name, so two of one name would draw the same rows. */
function checkNames(sources: readonly BatchSource[]): void {
  const names = sources.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return
  throw new UsageError(
    'source-twice',
    `Two parts of the batch are called "${twice}": two of the composed methods replay. Compose at most one of them.`,
  )
}

function epochs(
  source: BatchSource,
  offset: number,
  random: RandomStream,
  saved: Json | undefined,
): RowSampler {
  const plan =
    saved === undefined
      ? batchPlan(samples(source.dataset), source.size, random)
      : resumeBatchPlan(saved as unknown as BatchPlanState)
  return {
    next: (steps) => plan.next(steps).map((row) => row + offset),
    state: () => plan.state() as unknown as Json,
  }
}
