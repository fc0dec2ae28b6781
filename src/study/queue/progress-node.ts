import type { JobEvent } from '../workers/index-files.ts'

const MILLISECONDS_BETWEEN = 1000

/**
 * Tells others how a run goes, at most once a second and one message at a time; while one is on its way (or cannot be sent, as the
 * Redis is gone) the latest one waits, and those before it are dropped. The first of a run, which says how long it is, is never
 * dropped.
 */
export function latestAtATime(send: (event: JobEvent) => Promise<void>): (event: JobEvent) => void {
  let first: JobEvent | undefined
  let latest: JobEvent | undefined
  let busy = false
  const go = () => {
    const event = first ?? latest
    if (busy || !event) return
    if (first) first = undefined
    else latest = undefined
    busy = true
    void send(event)
      // How a run goes is not worth stopping it for.
      .catch(() => undefined)
      .then(() => {
        setTimeout(() => {
          busy = false
          go()
        }, MILLISECONDS_BETWEEN).unref()
      })
  }
  return (event) => {
    if (event.type === 'started' || event.type === 'elsewhere') first = event
    else latest = event
    go()
  }
}
