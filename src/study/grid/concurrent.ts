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
  const active = new Map<
    AsyncGenerator<T, void>,
    Promise<{ from: AsyncGenerator<T, void>; drawn: IteratorResult<T, void> }>
  >()
  const draw = (from: AsyncGenerator<T, void>) =>
    active.set(
      from,
      from.next().then((drawn) => ({ from, drawn })),
    )
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
      const { from, drawn } = await Promise.race(active.values())
      if (drawn.done) active.delete(from)
      else draw(from)
      fill()
      if (!drawn.done) yield drawn.value
    }
  } finally {
    // Whoever still draws is let end in order, errors of what is given up included.
    await Promise.allSettled([...active].map(([from, next]) => next.then(() => from.return())))
  }
}
