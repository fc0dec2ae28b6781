import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { settleSpans, spanned } from '../../spans.ts'
import { followed } from '../followed.ts'
import type { Job, Message } from './messages.ts'
import { asFailed, jobRunner, type RunUpdate } from './run-job-files.ts'

/** What a process is told in its environment that `openWorkers` starts. */
export const WORKER_VARIABLE = 'HOLDFAST_WORKER'

/** Whether this thread or process is one of `openWorkers`. */
export const isWorker = (): boolean =>
  isMainThread
    ? process.env[WORKER_VARIABLE] === 'runs' && process.send !== undefined
    : (workerData as { readonly holdfast?: string } | null)?.holdfast === 'runs'

/**
 * Waits for jobs and does them, one at a time, until the thread or process is ended.
 *
 * @param runUpdate does updates, which are a verb's. Default there are none.
 */
export function serveWorker(runUpdate?: RunUpdate): void {
  const run = jobRunner(runUpdate)
  let controller = new AbortController()
  const receive = (message: Job | 'stop') => {
    if (message === 'stop') {
      controller.abort()
      return
    }
    controller = new AbortController()
    void work(message, controller.signal)
  }
  const work = async (job: Job, signal: AbortSignal) => {
    try {
      const outcome = await spanned(`job: ${job.kind}`, () =>
        followed(run(job, signal), (event) => send({ type: 'event', event })),
      )
      // Whoever asked may end this one at once.
      settleSpans()
      send({ type: 'done', outcome })
    } catch (error) {
      settleSpans()
      send(asFailed(error))
    }
  }
  const send = openPort(receive)
}

/** The way to whoever asks: from a thread to its parent, from a process to the one that began it. */
function openPort(receive: (message: Job | 'stop') => void): (message: Message) => void {
  if (parentPort) {
    const port = parentPort
    port.on('message', receive)
    return (message) => port.postMessage(message)
  }
  process.on('message', receive)
  // Whoever asked is gone: nobody waits for the run any more, and it goes on from its checkpoint elsewhere.
  process.on('disconnect', () => process.exit(1))
  // Ctrl-C at a terminal reaches this process, too; the one that began it says when to stop.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => undefined)
  return (message) => {
    if (process.connected) process.send?.(message)
  }
}
