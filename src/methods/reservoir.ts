import { CheckpointError } from '../errors.ts'
import { type RandomState, resumeStream } from '../tensor/random.ts'
import type { BatchSource, Json, RowSampler } from './method.ts'

/**
 * Where each slot's exemplar lies: row r of the new data as r, row r of the memory kept from earlier tasks as -(r + 1).
 */
export interface ReservoirState {
  readonly seen: number
  readonly slots: readonly number[]
  readonly random: RandomState | null
}

export const emptyReservoir: ReservoirState = { seen: 0, slots: [], random: null }

/**
 * Online memory replay: a reservoir over the stream (Vitter 1985, algorithm R), every sample seen so far being kept with
 * the same chance. Each step first draws its exemplars from the memory, then offers its new rows to it. Only row numbers
 * move, so the plan of many steps is known before they run, and no sample is copied.
 *
 * @param start the reservoir when the task begins, its slots pointing into the kept memory
 */
export function reservoirSampler(
  capacity: number,
  size: number,
  batchSize: number,
  start: ReservoirState,
): NonNullable<BatchSource['sampler']> {
  return ({ random: fresh, offset, newOffset, saved }): RowSampler => {
    const from = saved === undefined ? start : readReservoir(saved)
    const random = saved === undefined || from.random === null ? fresh : resumeStream(from.random)
    const slots = [...from.slots]
    let { seen } = from
    const poolRow = (slot: number) => (slot >= 0 ? newOffset + slot : offset - slot - 1)
    const offer = (row: number) => {
      seen++
      if (slots.length < capacity) {
        slots.push(row)
        return
      }
      const slot = random.integer(seen)
      if (slot < capacity) slots[slot] = row
    }
    return {
      next: (steps, newRows) => {
        const rows = new Int32Array(steps * size)
        for (let step = 0; step < steps; step++) {
          const batch = newRows.subarray(step * batchSize, (step + 1) * batchSize)
          for (let at = 0; at < size; at++) {
            // With nothing remembered yet, the new rows themselves are replayed: the loss is then the plain one.
            const slot = slots[slots.length > 0 ? random.integer(slots.length) : 0]
            rows[step * size + at] = slot === undefined ? (batch[at % batch.length] ?? 0) : poolRow(slot)
          }
          for (const row of batch) offer(row - newOffset)
        }
        return rows
      },
      state: () => ({ seen, slots: [...slots], random: random.state() }) as unknown as Json,
    }
  }
}

/** @throws CheckpointError `reservoir-state` when the JSON is no reservoir. */
export function readReservoir(json: Json): ReservoirState {
  const state = json as unknown as ReservoirState
  if (!Number.isInteger(state?.seen) || !Array.isArray(state?.slots)) {
    throw new CheckpointError('reservoir-state', 'The checkpoint holds no reservoir where one is expected.')
  }
  return state
}
