import type { RunRecord } from './checkpoint.ts'

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
