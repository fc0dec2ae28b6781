import type { Span } from './recorder-node.ts'

/** Adds up how long things took by their names, less what lay under each, as bars come in: the inner ones first. */
export function selfTimes() {
  const sums = new Map<string, number>()
  // Of each row, in order: those that nothing was seen to lie around.
  const ended = new Map<number, Span[]>()
  return {
    add: (span: Span): void => {
      const before = ended.get(span.row) ?? []
      let inner = 0
      for (let last = before.at(-1); last && last.began >= span.began; last = before.at(-1)) {
        inner += last.ended - last.began
        before.pop()
      }
      sums.set(span.name, (sums.get(span.name) ?? 0) + span.ended - span.began - inner)
      before.push(span)
      ended.set(span.row, before)
    },
    sorted: (): [string, number][] => [...sums].sort(([, a], [, b]) => b - a),
  }
}
