import { AsyncLocalStorage } from 'node:async_hooks'
import type { SpanDetails, SpanRecorder } from '../../spans.ts'

/** A bar: times in milliseconds of this thread's clock. */
export interface Span {
  readonly name: string
  readonly details: SpanDetails
  /** Rows are those of one thread: what runs beside something else lies in a further one. */
  readonly row: number
  readonly began: number
  readonly ended: number
}

export interface OpenRecorder extends Pick<SpanRecorder, 'span'> {
  /** Ends what is still open. */
  close(): void
}

interface Open {
  readonly name: string
  readonly details: SpanDetails
  readonly row: number
  readonly began: number
  done: boolean
}

/**
 * Writes down when work began and ended, so that bars of a row lie within one another: whose work something is, is told by
 * the promises that led to it. What begins while a sibling runs lies in another row; what outlives the work that began it
 * is cut there.
 */
export function openRecorder(tell: (span: Span) => void, now = () => performance.now()): OpenRecorder {
  const rows: Open[][] = []
  const within = new AsyncLocalStorage<Open>()
  const end = (open: Open): void => {
    if (open.done) return
    const stack = rows[open.row] ?? []
    const ended = now()
    // Those above it in its row were begun by it.
    for (const each of stack.splice(stack.indexOf(open)).reverse()) {
      each.done = true
      tell({ name: each.name, details: each.details, row: each.row, began: each.began, ended })
    }
  }
  const begin = (name: string, details: SpanDetails): Open => {
    const parent = within.getStore()
    const isTop = (row: number) => rows[row]?.at(-1) === parent
    const free = rows.findIndex((stack) => stack.length === 0)
    const row = parent && !parent.done && isTop(parent.row) ? parent.row : free < 0 ? rows.length : free
    const open: Open = { name, details, row, began: now(), done: false }
    rows[row] = [...(rows[row] ?? []), open]
    return open
  }
  return {
    span: (name, work, details) => {
      const open = begin(name, details)
      let result: ReturnType<typeof work>
      try {
        result = within.run(open, work)
      } catch (error) {
        end(open)
        throw error
      }
      if (result instanceof Promise) return result.finally(() => end(open)) as typeof result
      end(open)
      return result
    },
    close: () => {
      for (const stack of rows) if (stack[0]) end(stack[0])
    },
  }
}
