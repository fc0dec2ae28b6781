import type { RunRecord } from './checkpoint.ts'
import type { Exchanged } from './task-run.ts'

export const noRecord: RunRecord = {
  initial: [],
  matrix: [],
  curve: [],
  seconds: { train: 0, consolidate: 0, evaluate: 0 },
}

/** The record with the time since `started` added to one of its clocks. */
export function spent(record: RunRecord, clock: keyof RunRecord['seconds'], started: number): RunRecord {
  const seconds = record.seconds[clock] + (performance.now() - started) / 1000
  return { ...record, seconds: { ...record.seconds, [clock]: seconds } }
}

/** The record with one more round, where there was an exchange. */
export function withRound(
  record: RunRecord,
  exchanged: Exchanged | undefined,
  at: { readonly task: number; readonly step: number },
): RunRecord {
  if (!exchanged) return record
  const { rounds, bytes, missed } = record.rounds ?? { rounds: 0, bytes: 0, missed: [] }
  const absent = exchanged.missed.length > 0 ? [{ ...at, replicas: exchanged.missed }] : []
  return {
    ...record,
    rounds: { rounds: rounds + 1, bytes: bytes + exchanged.bytes, missed: [...missed, ...absent] },
  }
}
