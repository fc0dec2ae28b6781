import type { Engine } from './engine.ts'

/**
 * How many pieces of work go into one call of the runtime. A call holds the event loop, so that no signal is heard and no
 * progress drawn until it returns; pieces that are quick go many to a call, as each call costs some time of its own.
 */
export interface Pace {
  /** Pieces for the next call, of so many that are left. */
  next(left: number): number
  /** Tells what the last call took. */
  took(pieces: number, seconds: number): void
}

/** Default seconds of a call. */
const SECONDS_A_CALL = 1

/**
 * Starts with one piece, as nothing is known yet of how long one takes. Which pieces make up a call changes no result; it
 * follows the clock, so nothing that is kept may depend on it.
 *
 * @param most Pieces a call at most.
 * @param seconds What a call is to take; default 1.
 * @example
 * const pace = openPace(50)
 * const count = pace.next(steps - done)
 */
export function openPace(most: number, seconds = SECONDS_A_CALL): Pace {
  let count = 1
  return {
    next: (left) => Math.min(count, left),
    took: (pieces, spent) => {
      count = Math.max(1, Math.min(most, Math.floor((seconds * pieces) / Math.max(spent, 1e-6))))
    },
  }
}

/** A pace for work of an engine, on which a call may have to do one piece alone ({@link Engine.flat}). */
export const paceOn = ({ flat = false }: Pick<Engine, 'flat'>, most = Number.POSITIVE_INFINITY): Pace =>
  openPace(flat ? 1 : most)

/**
 * Does all pieces of work, in order, in calls of about a second.
 *
 * @param call Does `count` pieces from piece `from` on.
 * @param pace Of work of the same kind that came before; default a new one.
 * @example
 * await paced(batches, (from, count) => run(rows.subarray(from * size, (from + count) * size)))
 */
export async function paced(
  pieces: number,
  call: (from: number, count: number) => Promise<void>,
  pace = openPace(Number.POSITIVE_INFINITY),
): Promise<void> {
  let from = 0
  while (from < pieces) {
    const count = pace.next(pieces - from)
    const began = performance.now()
    await call(from, count)
    pace.took(count, (performance.now() - began) / 1000)
    from += count
  }
}
