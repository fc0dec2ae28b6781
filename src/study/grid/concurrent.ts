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
  const ready: { from: AsyncGenerator<T, void>; take: () => IteratorResult<T, void> }[] = []
  let wake = () => {}
  const put = (from: AsyncGenerator<T, void>, take: () => IteratorResult<T, void>) => {
    ready.push({ from, take })
    wake()
  }
  const draw = (from: AsyncGenerator<T, void>) => {
    const drawn = from.next().then(
      (result) => put(from, () => result),
      (error: unknown) =>
        put(from, () => {
          throw error
        }),
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
      const next = ready.shift()
      if (!next) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      active.delete(next.from)
      const drawn = next.take()
      if (!drawn.done) draw(next.from)
      fill()
      if (!drawn.done) yield drawn.value
    }
  } finally {
    // Whoever still draws is let end in order, errors of what is given up included.
    await Promise.allSettled([...active].map(([from, drawn]) => drawn.then(() => from.return())))
  }
}
