import { Worker } from 'node:worker_threads'
import type { EngineOptions } from '../../engine/engine.ts'
import { HoldfastError } from '../../errors.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import type { LearnEvent } from '../../train/run/index.ts'
import type { RunOne } from '../grid/index.ts'
import type { Failed, Job, Message } from './messages.ts'

/** A thread, and why it is no more. */
interface Hand {
  readonly worker: Worker
  /** What ended it; undefined while it lives. */
  end: Failed | undefined
  /** Called when it ends. */
  onEnd: (end: Failed) => void
}

/** Threads that run plans side by side. */
export interface Workers {
  /**
   * Runs a plan in a folder, or in memory, on a thread that is free. A thread that dies ends its run with the error
   * `worker-died`; another takes its place.
   */
  readonly run: (folder: (plan: RunPlan) => string | undefined) => RunOne
  close(): Promise<void>
}

/**
 * ONNX Runtime's `run` holds the thread that calls it, so runs go side by side only on threads of their own. A thread
 * keeps the data of its last plan.
 *
 * @param entry the module that a worker loads; it has to call `serveWorker`
 * @example
 * const workers = openWorkers(import.meta.url, { threads: 1 })
 */
export function openWorkers(entry: string, engine: EngineOptions): Workers {
  const idle = new Set<Hand>()
  const all = new Set<Hand>()
  const take = (): Hand => {
    const [waiting] = idle
    if (waiting) {
      idle.delete(waiting)
      return waiting
    }
    const hand = startHand(entry, () => {
      idle.delete(hand)
      all.delete(hand)
    })
    all.add(hand)
    return hand
  }
  return {
    run: (folder) =>
      async function* (plan, _prepared, signal) {
        const hand = take()
        let free = false
        try {
          const answer = yield* ask(hand, { plan, folder: folder(plan), engine }, signal)
          free = true
          if (answer.type === 'failed') throw asError(answer)
          return answer.outcome
        } finally {
          // One that was given up in the middle of a run is stopped, and takes no other.
          if (free && !hand.end) idle.add(hand)
          else hand.worker.postMessage('stop')
        }
      },
    close: async () => {
      await Promise.all([...all].map(({ worker }) => worker.terminate()))
    },
  }
}

/** A thread dies of an error that nothing caught, of too little memory, or because something ended it. */
function startHand(entry: string, forget: () => void): Hand {
  const worker = new Worker(new URL(entry), { workerData: { holdfast: 'runs' } })
  const hand: Hand = { worker, end: undefined, onEnd: () => {} }
  const die = (why: string, stack: string) => {
    if (hand.end) return
    const message = `The thread of this run ended before the run did: ${why}. The other runs go on. Where it ran out of memory, fewer runs at a time need less; the same command again goes on from the last checkpoint, where runs are kept.`
    hand.end = { type: 'failed', code: 'worker-died', message, stack: `${message}\n${stack}` }
    forget()
    hand.onEnd(hand.end)
  }
  worker
    .on('error', (error: Error) => die(error.message, error.stack ?? ''))
    .on('messageerror', (error) => die(`a message could not be read (${error.message})`, error.stack ?? ''))
    .on('exit', (code) => die(`exit code ${code}`, ''))
  return hand
}

type Answer = Extract<Message, { type: 'done' }> | Failed

async function* ask(
  hand: Hand,
  job: Job,
  signal: AbortSignal | undefined,
): AsyncGenerator<LearnEvent, Answer> {
  const { worker } = hand
  const arrived: Message[] = hand.end ? [hand.end] : []
  let wake = () => {}
  const receive = (message: Message) => {
    arrived.push(message)
    wake()
  }
  const stop = () => worker.postMessage('stop')
  worker.on('message', receive)
  hand.onEnd = receive
  signal?.addEventListener('abort', stop)
  worker.postMessage(job)
  if (signal?.aborted) stop()
  try {
    for (;;) {
      const message = arrived.shift()
      if (!message) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      } else if (message.type === 'event') yield message.event
      else return message
    }
  } finally {
    worker.off('message', receive)
    hand.onEnd = () => {}
    signal?.removeEventListener('abort', stop)
  }
}

/** Errors lose their class on the way between threads; what programs act on is the code. */
function asError({ code, message, stack }: Failed): Error {
  const error = code === undefined ? new Error(message) : new HoldfastError(code, message)
  error.stack = stack
  return error
}
