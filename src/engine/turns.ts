import { interrupted } from './interruptible.ts'

/** A promise to wait for where it is the event loop's turn. */
export type Turns = () => Promise<void> | undefined

const SECONDS_BETWEEN = 0.3

/**
 * Turns for the event loop in long arithmetic outside the runtime, so that signals are heard and progress is drawn. It is asked between
 * pieces of work, however small, and mostly answers at once that there is nothing to wait for.
 *
 * @param signal Once it was given the next turn fails.
 * @throws TrainingError `interrupted`.
 * @example
 * const turn = openTurns(signal)
 * for (const row of rows) {
 *   work(row)
 *   const wait = turn()
 *   if (wait) await wait
 * }
 */
export function openTurns(signal?: AbortSignal): Turns {
  let last = performance.now()
  return () => {
    if (performance.now() - last < 1000 * SECONDS_BETWEEN) return undefined
    return new Promise<void>((done) => setTimeout(done, 0)).then(() => {
      if (signal?.aborted) throw interrupted()
      last = performance.now()
    })
  }
}
