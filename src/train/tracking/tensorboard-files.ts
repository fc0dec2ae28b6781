import { appendFile, mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { count } from '../../count.ts'
import { writeObstacle } from '../../tensor/writes-files.ts'
import { scalarsRecord, versionRecord } from './event-records.ts'
import type { Tracker } from './tracker.ts'

/** Tells apart the files that one process opens within a second. */
let opened = 0

/**
 * Writes scalars to an event file that TensorBoard reads (`tensorboard --logdir folder`). The folder is made if need be; each
 * tracker writes a file of its own, so that a run that goes on in the same folder adds to what is there.
 *
 * @param warn told once, when the first write fails
 * @example
 * const tracker = tensorBoard('runs/logs', console.warn)
 */
export function tensorBoard(folder: string, warn: (line: string) => void): Tracker {
  const seconds = Date.now() / 1000
  const parts = [Math.floor(seconds), hostname(), process.pid, opened++]
  const path = join(folder, `events.out.tfevents.${parts.join('.')}`)
  let lost = 0
  let writing: Promise<unknown> = mkdir(folder, { recursive: true }).then(() =>
    appendFile(path, versionRecord(seconds)),
  )
  // Handled where it is waited for.
  writing.catch(() => undefined)
  return {
    log: (measurement) => {
      const record = scalarsRecord(measurement, Date.now() / 1000)
      writing = writing
        .then(() => appendFile(path, record))
        .catch(async (problem: unknown) => {
          if (lost++ > 0) return
          const reason = await writeObstacle(path, problem)
          warn(
            `warning: TensorBoard's file ${path} cannot be written (${reason}). The run goes on without it.`,
          )
        })
    },
    close: async () => {
      await writing.catch(() => undefined)
      return lost > 0
        ? `TensorBoard: ${count(lost, 'measurement')} could not be written to ${path}.`
        : undefined
    },
  }
}
