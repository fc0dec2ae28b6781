import { openInbox } from '../inbox.ts'

/**
 * Draws from several generators at once, `jobs` at a time, in the order in which they have something. A generator that
 * throws ends it all.
 *
 * @param stop asked before each generator is begun
 */
export async function* concurrently<T>(
  makers: readonly (() => AsyncGenerator<T, void>)[],
  jobs: number,
  stop: () => boolean = () => false,
): AsyncGenerator<T, void> {
  const waiting = [...makers]
  const active = new Map<AsyncGenerator<T, void>, Promise<void>>()
  // A queue, and no race of promises: that would keep something of each draw for as long as the slowest generator lives.
  const ready = openInbox<{ from: AsyncGenerator<T, void>; open: () => IteratorResult<T, void> }>()
  const draw = (from: AsyncGenerator<T, void>) => {
    const drawn = from.next().then(
      (result) => ready.put({ from, open: () => result }),
      (error: unknown) => {
        const open = () => {
          throw error
        }
        ready.put({ from, open })
      },
    )
    active.set(from, drawn)
  }
  const fill = () => {
    while (active.size < Math.max(1, jobs) && !stop()) {
      const make = waiting.shift()
      if (!make) return
      draw(make())
    }
  }
  try {
    fill()
    while (active.size > 0) {
      const { from, open } = await ready.take()
      active.delete(from)
      const drawn = open()
      if (!drawn.done) draw(from)
      fill()
      if (!drawn.done) yield drawn.value
    }
  } finally {
    // Whoever still draws is let end in order, errors of what is given up included.
    await Promise.allSettled([...active].map(([from, drawn]) => drawn.then(() => from.return())))
  }
}
