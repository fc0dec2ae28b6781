import { reservoir, resumeReservoir, type ReservoirState as SamplingState } from '../data/memory/index.ts'
import { CheckpointError } from '../errors.ts'
import { type RandomState, resumeStream } from '../tensor/random.ts'
import type { BatchSource, Json, RowSampler } from './method.ts'

/** A reservoir and what its slots hold. */
export interface ReservoirState {
  /** undefined before the first sample. */
  readonly sampling: SamplingState | null
  /** Where each slot's exemplar lies: row r of the new data as r, row r of the memory kept from earlier tasks as -(r + 1). */
  readonly slots: readonly number[]
  /** The stream that replayed rows are drawn from, in the middle of a task. */
  readonly random: RandomState | null
}

export const emptyReservoir: ReservoirState = { sampling: null, slots: [], random: null }

/**
 * Online memory replay: a reservoir over the stream, every sample seen so far being kept with the same chance. Each step
 * first draws its exemplars from the memory, then offers its new rows to it. Only row numbers move, so the plan of many
 * steps is known before they run, and no sample is copied.
 *
 * @param start the reservoir when the task begins, its slots pointing into the kept memory
 */
export function reservoirSampler(
  capacity: number,
  size: number,
  batchSize: number,
  start: ReservoirState,
): NonNullable<BatchSource['sampler']> {
  return ({ random: stream, offset, newOffset, saved }): RowSampler => {
    const from = saved === undefined ? start : readReservoir(saved)
    const random = from.random ? resumeStream(from.random) : stream('draws')
    const keep = from.sampling ? resumeReservoir(from.sampling) : reservoir(capacity, stream('reservoir'))
    const slots = [...from.slots]
    const poolRow = (slot: number) => (slot >= 0 ? newOffset + slot : offset - slot - 1)
    const offer = (row: number) => {
      const slot = keep.offer()
      if (slot !== undefined) slots[slot] = row
    }
    return {
      next: (steps, newRows) => {
        const rows = new Int32Array(steps * size)
        for (let step = 0; step < steps; step++) {
          const batch = newRows.subarray(step * batchSize, (step + 1) * batchSize)
          for (let at = 0; at < size; at++) {
            // With nothing remembered yet, the new rows themselves are replayed: the loss is then the plain one.
            const slot = slots.length > 0 ? slots[random.integer(slots.length)] : undefined
            rows[step * size + at] = slot === undefined ? (batch[at % batch.length] ?? 0) : poolRow(slot)
          }
          for (const row of batch) offer(row - newOffset)
        }
        return rows
      },
      state: () => ({ sampling: keep.state(), slots: [...slots], random: random.state() }) as unknown as Json,
    }
  }
}

/** @throws CheckpointError `reservoir-state` when the JSON is no reservoir. */
export function readReservoir(json: Json): ReservoirState {
  const state = json as unknown as ReservoirState | null
  if (!state || !('sampling' in state) || !Array.isArray(state.slots)) {
    throw new CheckpointError('reservoir-state', 'The checkpoint holds no reservoir where one is expected.')
  }
  return state
}
