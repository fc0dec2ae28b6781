/** Which tokens of a document a row reads, and which of its next tokens count there. */
export interface Window {
  /** The first token that is read. */
  readonly start: number
  /** How many are read. */
  readonly size: number
  /** The first token whose loss counts: it is predicted from the one before it. */
  readonly from: number
}

/**
 * Cuts a text into rows. Each token but the first is predicted in exactly one row. Where there is a row before, the last row reads
 * as much of it as fits, so that it is full, and its tokens have as much before them as they can.
 *
 * @param tokens How many the text has.
 * @param length How many a row reads.
 * @param overlap How many of the row before a row reads again, at least; those only help to predict.
 * @example
 * [...windows(6, 4, 0)] // [{ start: 0, size: 4, from: 1 }, { start: 1, size: 4, from: 5 }]
 */
export function* windows(tokens: number, length: number, overlap: number): Generator<Window> {
  const last = tokens - 1
  for (let covered = 0; covered < last; ) {
    // What is read ends before the last token: nothing comes after that one.
    const latest = Math.max(0, last - length)
    const start = Math.min(Math.max(0, covered - overlap), latest)
    const size = Math.min(length, last - start)
    yield { start, size, from: covered + 1 }
    covered = start + size
  }
}

/** How many rows {@link windows} cuts a text into. */
export function windowCount(tokens: number, length: number, overlap: number): number {
  const last = tokens - 1
  if (last < 1) return 0
  return 1 + Math.max(0, Math.ceil((last - length) / (length - overlap)))
}
