import { samples } from '../data/dataset.ts'
import { reservoir, resumeReservoir, type ReservoirState as SamplingState } from '../data/memory/index.ts'
import { CheckpointError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { type RandomState, type RandomStream, resumeStream } from '../tensor/random.ts'
import { memoryOf, memoryState, rowsOf, someOf, withRows } from './exemplars.ts'
import type {
  BatchSource,
  ConsolidateContext,
  Drawn,
  Json,
  MethodState,
  RowSampler,
  TaskContext,
} from './method.ts'

/** What methods with a reservoir say of replicas. */
export const RESERVOIR_IN_ONE_STREAM =
  'Its reservoir takes rows as they pass by in one stream, and several replicas would fill several. Methods that choose their rows at the end of a task, as replay, can.'

/** A reservoir and what its slots hold. */
export interface ReservoirState {
  /** Null before the first sample. */
  readonly sampling: SamplingState | null
  /** Where each slot's exemplar lies: row r of the new data as r, row r of the memory kept from earlier tasks as -(r + 1). */
  readonly slots: readonly number[]
  /** The stream that replayed rows are drawn from, in the middle of a task. */
  readonly random: RandomState | null
}

const emptyReservoir: ReservoirState = { sampling: null, slots: [], random: null }

/** The reservoir in a method's state. */
const reservoirOf = ({ values }: MethodState): ReservoirState =>
  values.reservoir === undefined ? emptyReservoir : readReservoir(values.reservoir)

export interface ReservoirPlan {
  /** Exemplars in the memory at most. */
  readonly capacity: number
  /** Rows drawn a step. */
  readonly size: number
  /** Rows of new data a step. */
  readonly batchSize: number
  /** When the task begins; its slots point into the kept memory. */
  readonly start: ReservoirState
  /** Whether the rows of a step differ from each other, as far as the memory has rows. Default false: each is drawn anew. */
  readonly distinct?: boolean | undefined
  /** Whether {@link reservoirColumns} are planned, too. Default false. */
  readonly columns?: boolean | undefined
}

/** The columns that a {@link reservoirSampler} plans where it is asked to. */
export const reservoirColumns = ({
  capacity,
  size,
}: Pick<ReservoirPlan, 'capacity' | 'size'>): NonNullable<BatchSource['columns']> => ({
  drawn: size,
  written: capacity,
})

/**
 * Online memory replay: a reservoir over the stream, every sample seen so far being kept with the same chance. Each step
 * first draws its exemplars from the memory, then offers its new rows to it. Only row numbers move, so the plan of many
 * steps is known before they run, and no sample is copied.
 *
 * Beside the rows it says the slot of each row drawn (`drawn`, -1 while nothing is remembered), and of every slot the new
 * row that it takes in (`written`, its place in the batch, -1 for none).
 */
export function reservoirSampler(plan: ReservoirPlan): NonNullable<BatchSource['sampler']> {
  const { capacity, size, batchSize, start } = plan
  return ({ random: stream, offset, newOffset, saved }): RowSampler => {
    const from = saved === undefined ? start : readReservoir(saved)
    const random = from.random ? resumeStream(from.random) : stream('draws')
    const keep = from.sampling ? resumeReservoir(from.sampling) : reservoir(capacity, stream('reservoir'))
    const slots = [...from.slots]
    const poolRow = (slot: number) => (slot >= 0 ? newOffset + slot : offset - slot - 1)
    return {
      next: (steps, newRows): Drawn => {
        const rows = new Int32Array(steps * size)
        const drawn = new Int32Array(steps * size)
        const written = new Int32Array(plan.columns ? steps * capacity : 0).fill(-1)
        for (let step = 0; step < steps; step++) {
          const batch = newRows.subarray(step * batchSize, (step + 1) * batchSize)
          const some = plan.distinct && random.choose(slots.length, Math.min(size, slots.length))
          for (let at = step * size; at < (step + 1) * size; at++) {
            const slot =
              slots.length === 0
                ? -1
                : some
                  ? itemAt(some, (at - step * size) % some.length, 'slot')
                  : random.integer(slots.length)
            drawn[at] = slot
            // With nothing remembered yet, the new rows themselves are replayed: the loss is then the plain one.
            rows[at] =
              slot < 0
                ? itemAt(batch, (at - step * size) % batch.length, 'row')
                : poolRow(itemAt(slots, slot, 'slot'))
          }
          for (const [place, row] of batch.entries()) {
            const slot = keep.offer()
            if (slot === undefined) continue
            slots[slot] = row - newOffset
            if (plan.columns) written[step * capacity + slot] = place
          }
        }
        return {
          rows,
          columns: new Map([
            ['drawn', drawn],
            ['written', written],
          ]),
        }
      },
      state: () => ({ sampling: keep.state(), slots: [...slots], random: random.state() }) as unknown as Json,
    }
  }
}

/** A memory that has been filled, and the slot that each of its rows was in. */
export interface FilledMemory {
  readonly state: MethodState
  readonly slots: Int32Array
}

/** Copies what the reservoir's slots point at, so that the old data may go. Row r is then in slot r. */
export function keepReservoir(
  state: MethodState,
  reservoir: ReservoirState,
  { train, index }: Pick<ConsolidateContext, 'train' | 'index'>,
): FilledMemory {
  const before = memoryOf(state, { train })
  const places = reservoir.slots.map((place, slot) => ({ place, slot }))
  const old = places.filter(({ place }) => place < 0)
  const fresh = places.filter(({ place }) => place >= 0)
  const kept =
    before &&
    someOf(
      before,
      Int32Array.from(old, ({ place }) => -place - 1),
    )
  const memory = withRows(
    kept,
    train,
    Int32Array.from(fresh, ({ place }) => place),
    index,
  )
  return {
    state: withReservoir(memoryState(memory), reservoir.sampling, places.length),
    slots: Int32Array.from([...old, ...fresh], ({ slot }) => slot),
  }
}

/** A reservoir over rows that were learned elsewhere: some of them at random, as if all had been offered. */
export function fillReservoir(
  capacity: number,
  { train, index }: Pick<ConsolidateContext, 'train' | 'index'>,
  random: RandomStream,
): MethodState {
  const seen = samples(train)
  const rows = random.choose(seen, Math.min(capacity, seen))
  const sampling = { capacity, seen, random: random.state() }
  return withReservoir(memoryState(withRows(undefined, train, rows, index)), sampling, rows.length)
}

function withReservoir(state: MethodState, sampling: SamplingState | null, count: number): MethodState {
  const slots = Array.from({ length: count }, (_, slot) => -slot - 1)
  const reservoir = { sampling, slots, random: null } satisfies ReservoirState
  return { ...state, values: { ...state.values, reservoir: reservoir as unknown as Json } }
}

/** A reservoir as a part of the batch, which carries `weight` of the loss. */
export function reservoirSource(
  asked: Pick<ReservoirPlan, 'capacity' | 'size' | 'columns' | 'distinct'> & { readonly weight: number },
  state: MethodState,
  task: TaskContext,
): BatchSource {
  const { train, index, batchSize } = task
  // Before anything is remembered the source still needs rows of the right kind to stand on: the new data's own.
  const memory = memoryOf(state, task) ?? { dataset: rowsOf(train, Int32Array.of(0)), tasks: index }
  const { size, weight, columns } = asked
  const sampler = reservoirSampler({ ...asked, batchSize, start: reservoirOf(state) })
  return {
    name: 'replay',
    ...memory,
    size,
    weight,
    // Rows that it has taken in since the task began are new ones.
    mixed: true,
    sampler,
    ...(columns && { columns: reservoirColumns(asked) }),
  }
}

/** @throws CheckpointError `reservoir-state` when the JSON is no reservoir. */
export function readReservoir(json: Json | undefined): ReservoirState {
  const state = json as unknown as ReservoirState | null | undefined
  if (!state || !('sampling' in state) || !Array.isArray(state.slots)) {
    throw new CheckpointError('reservoir-state', 'The checkpoint holds no reservoir where one is expected.')
  }
  return state
}
