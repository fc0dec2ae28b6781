import { samples } from '../../data/dataset.ts'
import { type BatchPlanState, batchPlan, type Pool, resumeBatchPlan } from '../../data/memory/index.ts'
import { UsageError } from '../../errors.ts'
import type { BatchSource, Drawn, Json, RowSampler } from '../../methods/method.ts'
import { itemAt } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { columnName } from './step-inputs.ts'

/** The samplers of a task's sources, planned together. */
export interface BatchSampler {
  /** For the next steps: what the step's graph is fed. */
  next(steps: number): PlannedBatches
  state(): { readonly [source: string]: Json }
}

export interface PlannedBatches {
  /** Pool rows [steps * rows a batch], the sources side by side within each step. */
  readonly rows: Int32Array<ArrayBuffer>
  /** The sources' columns, [steps, numbers a step], by the names of the step's inputs. */
  readonly columns: ReadonlyMap<string, Tensor<'int32'>>
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
    const offset = itemAt(pool.offsets, index, 'part of the pool')
    const context = {
      random: (name: string) => random(`${source.name}/${name}`),
      pool,
      offset,
      newOffset: newIndex < 0 ? 0 : itemAt(pool.offsets, newIndex, 'part of the pool'),
      saved: saved[source.name],
    }
    return source.sampler?.(context) ?? epochs(source, offset, random(source.name), context.saved)
  })
  const width = sources.reduce((sum, { size }) => sum + size, 0)
  return {
    next: (steps) => {
      const rows = new Int32Array(steps * width)
      const columns = new Map<string, Tensor<'int32'>>()
      let fresh: Int32Array = new Int32Array()
      let from = 0
      sources.forEach((source, index) => {
        const { size } = source
        const drawn = itemAt(samplers, index, 'sampler').next(steps, fresh)
        if (index === newIndex) fresh = drawn.rows
        for (let step = 0; step < steps; step++) {
          rows.set(drawn.rows.subarray(step * size, (step + 1) * size), step * width + from)
        }
        for (const [name, tensor] of columnsOf(source, drawn, steps)) columns.set(name, tensor)
        from += size
      })
      return { rows, columns }
    },
    state: () =>
      Object.fromEntries(
        sources.map(({ name }, index) => [name, itemAt(samplers, index, 'sampler').state()]),
      ),
  }
}

function columnsOf(source: BatchSource, { columns }: Drawn, steps: number): [string, Tensor<'int32'>][] {
  return Object.entries(source.columns ?? {}).map(([name, count]) => {
    const data = columns?.get(name)
    if (data?.length !== steps * count) {
      throw new UsageError(
        'source-columns',
        `The sampler of "${source.name}" planned ${data?.length ?? 0} numbers for "${name}", but ${steps} steps take ${steps * count}.`,
      )
    }
    return [columnName(source.name, name), { type: 'int32', dims: [steps, count], data }]
  })
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
    next: (steps) => ({ rows: plan.next(steps).map((row) => row + offset) }),
    state: () => plan.state() as unknown as Json,
  }
}
