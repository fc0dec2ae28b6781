/** What is said of a piece of work beside its name. */
export type SpanDetails = Readonly<Record<string, string | number>>

/** Who writes down when pieces of work begin and end. */
export interface SpanRecorder {
  /** Does the work; where that gives a promise, it ends when the promise does. */
  span<Result>(name: string, work: () => Result, details: SpanDetails): Result
  /** Hands on what was written down so far. */
  settle(): void
}

let recorder: SpanRecorder | undefined

/** From now on spans are written down there, in all of this thread; undefined for nowhere. */
export function recordSpans(by: SpanRecorder | undefined): void {
  recorder = by
}

/**
 * A piece of work that a profile shows as a bar with this name. Without a profile it is done and nothing else.
 *
 * @param work Sync or async; what it does in turn lies under its bar.
 * @example
 * const data = await spanned('read data', () => readDataset(path), { file: basename(path) })
 */
export const spanned = <Result>(name: string, work: () => Result, details: SpanDetails = {}): Result =>
  recorder ? recorder.span(name, work, details) : work()

/** To be called where a thread is idle and may be ended from outside: what a profile has of it is kept. */
export const settleSpans = (): void => recorder?.settle()
