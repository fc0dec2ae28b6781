import { samples } from '../data/dataset.ts'
import { type BatchPlan, type BatchPlanState, batchPlan, resumeBatchPlan } from '../data/memory/index.ts'
import { CheckpointError, UsageError } from '../errors.ts'
import { present } from '../required.ts'
import { type Memory, weighted } from './exemplars.ts'
import type { BatchSource, Json, TaskContext } from './method.ts'

interface ShareState {
  readonly steps: number
  readonly old: BatchPlanState
  readonly fresh: BatchPlanState
}

/**
 * Batches of as many rows as without replay, of which a share is old: after n steps of B rows floor(n B share) of them. Where that is no whole
 * number of rows a step, there is room for one more, which a new row takes in the other steps; every row counts the same in the loss.
 *
 * @throws UsageError `replay-share` where no place would be left to new rows.
 */
export function sharedSources(
  sources: readonly BatchSource[],
  memory: Memory,
  { share, batchSize }: { readonly share: number } & Pick<TaskContext, 'batchSize'>,
): BatchSource[] {
  const room = Math.ceil(batchSize * share - tolerance)
  if (room >= batchSize) {
    throw new UsageError(
      'replay-share',
      `With ${batchSize} rows a step and a share of ${share} old ones no place is left to new rows in some steps. Take a lower share or a larger batch.`,
    )
  }
  const [most, part] = [batchSize - room, room / batchSize]
  const fewer = sources.map((source) => (source.name === 'new' ? { ...source, size: most } : source))
  return [
    ...weighted(fewer, 1 - part),
    {
      ...{ name: 'replay', ...memory, size: room, weight: part, mixed: true },
      sampler: shareSampler({
        room,
        aStep: batchSize * share,
        old: samples(memory.dataset),
        fresh: freshRows(sources),
      }),
    },
  ]
}

/** Of sums like 10 * 0.1. */
const tolerance = 1e-9

const freshRows = (sources: readonly BatchSource[]): number => {
  const fresh = present(
    sources.find(({ name }) => name === 'new'),
    'the source of new rows',
  )
  return samples(fresh.dataset)
}

interface SharePlan {
  /** Places that it fills in a step, and how many of them with old rows on average. */
  readonly room: number
  readonly aStep: number
  /** How many old and new rows there are. */
  readonly old: number
  readonly fresh: number
}

/** Old rows for some of the places of a step, new ones for the others. */
function shareSampler({ room, aStep, ...rows }: SharePlan): NonNullable<BatchSource['sampler']> {
  return ({ random, offset, newOffset, saved }) => {
    const given = saved === undefined ? undefined : readShare(saved)
    const plan = (state: BatchPlanState | undefined, name: 'old' | 'fresh'): BatchPlan =>
      state ? resumeBatchPlan(state) : batchPlan(rows[name], 1, random(name))
    const old = plan(given?.old, 'old')
    const fresh = plan(given?.fresh, 'fresh')
    let done = given?.steps ?? 0
    const due = (steps: number): number => Math.floor(steps * aStep + tolerance)
    return {
      next: (steps) => {
        const rows = new Int32Array(steps * room)
        for (let step = 0; step < steps; step++, done++) {
          const count = due(done + 1) - due(done)
          rows.set(
            old.next(count).map((row) => row + offset),
            step * room,
          )
          rows.set(
            fresh.next(room - count).map((row) => row + newOffset),
            step * room + count,
          )
        }
        return { rows }
      },
      state: () => ({ steps: done, old: old.state(), fresh: fresh.state() }) as unknown as Json,
    }
  }
}

/** @throws CheckpointError `share-state`. */
function readShare(json: Json): ShareState {
  const state = json as unknown as Partial<ShareState> | null
  if (state && Number.isInteger(state.steps) && state.old && state.fresh) return state as ShareState
  throw new CheckpointError(
    'share-state',
    'The checkpoint holds no plan of old and new rows where one is expected.',
  )
}
