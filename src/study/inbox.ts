/** A line of messages for one reader. */
export interface Inbox<T, End = never> {
  put(message: T): void
  /** The next one, waited for; `End` where the line has come to its end. */
  take(): Promise<T | End>
}

/** @param signal Ends the line, whatever is in it: what is taken then is undefined. Default it has no end. */
export function openInbox<T>(): Inbox<T>
export function openInbox<T>(signal: AbortSignal | undefined): Inbox<T, undefined>
export function openInbox<T>(signal?: AbortSignal): Inbox<T, undefined> {
  const messages: T[] = []
  let wake = () => {}
  return {
    put: (message) => {
      messages.push(message)
      wake()
    },
    take: async () => {
      while (messages.length === 0 && !signal?.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
          signal?.addEventListener('abort', wake)
        })
        signal?.removeEventListener('abort', wake)
      }
      return signal?.aborted ? undefined : messages.shift()
    },
  }
}
