/** A line of messages for one reader. */
export interface Inbox<T> {
  put(message: T): void
  /** The next one, waited for; undefined once the signal came. */
  take(): Promise<T | undefined>
}

export function openInbox<T>(signal: AbortSignal | undefined): Inbox<T> {
  const messages: T[] = []
  let wake = () => {}
  signal?.addEventListener('abort', () => wake(), { once: true })
  return {
    put: (message) => {
      messages.push(message)
      wake()
    },
    take: async () => {
      while (messages.length === 0 && !signal?.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return signal?.aborted ? undefined : messages.shift()
    },
  }
}
