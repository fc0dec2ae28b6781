/** Draws all that a generator has, telling it as it comes, and gives what it ends in. */
export async function followed<Event, End>(
  events: AsyncGenerator<Event, End>,
  tell: (event: Event) => void = () => {},
): Promise<End> {
  for (;;) {
    const next = await events.next()
    if (next.done) return next.value
    tell(next.value)
  }
}
