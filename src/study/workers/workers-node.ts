import type { EngineOptions } from '../../engine/engine.ts'
import { HoldfastError } from '../../errors.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import type { RunOne } from '../grid/index.ts'
import { openInbox } from '../inbox.ts'
import { type Hand, type HandKind, startHand } from './hands-node.ts'
import type { EndOf, EventOf, Failed, Job, Message } from './messages.ts'

/** Threads or processes that run plans side by side. */
export interface Workers {
  /**
   * Runs a plan in a store, or in memory, on a hand that is free. One that dies ends its run with the error `worker-died`; another
   * takes its place.
   */
  readonly run: (store: string | undefined) => RunOne
  /** Does one job, with what computes as it says. */
  readonly work: <Of extends Job>(
    job: Of,
    signal: AbortSignal | undefined,
  ) => AsyncGenerator<EventOf<Of>, EndOf<Of>>
  close(): Promise<void>
}

/**
 * ONNX Runtime's `run` holds the thread that calls it, so runs go side by side only on threads of their own, or in processes of their
 * own where the one that asks has to stay awake whatever memory they take. A hand keeps the data of its last plan.
 *
 * @param entry the module that a worker loads; it has to call `serveWorker`
 * @example
 * const workers = openWorkers(import.meta.url, { threads: 1 })
 */
export function openWorkers(entry: string, engine: EngineOptions, kind: HandKind = 'thread'): Workers {
  const idle = new Set<Hand>()
  const all = new Set<Hand>()
  const take = (job: Job): Hand => {
    // What a replica has open is with the hand that did it last.
    const used = [...idle]
    const waiting = used.find(({ last }) => last === seatOf(job)) ?? used[0]
    if (waiting) {
      idle.delete(waiting)
      return waiting
    }
    const hand = startHand(kind, entry, () => {
      idle.delete(hand)
      all.delete(hand)
    })
    all.add(hand)
    return hand
  }
  async function* work<Of extends Job>(
    job: Of,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<EventOf<Of>, EndOf<Of>> {
    const hand = take(job)
    let free = false
    try {
      const answer = yield* ask(hand, job, signal)
      free = true
      if (answer.type === 'failed') throw asError(answer)
      return answer.outcome as EndOf<Of>
    } finally {
      // One that was given up in the middle of a run is stopped, and takes no other.
      hand.last = seatOf(job) ?? hand.last
      if (free && !hand.end) idle.add(hand)
      else hand.ask('stop')
    }
  }
  return {
    run: (store) => (plan: RunPlan, _prepare, signal) => work({ kind: 'run', plan, store, engine }, signal),
    work,
    close: async () => {
      await Promise.all([...all].map((hand) => hand.terminate()))
    },
  }
}

const seatOf = (job: Job): string | undefined =>
  job.kind === 'round' ? `${job.spec.identity} ${job.replica}` : undefined

type Answer = Extract<Message, { type: 'done' }> | Failed

async function* ask<Of extends Job>(
  hand: Hand,
  job: Of,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventOf<Of>, Answer> {
  const inbox = openInbox<Message>()
  const stop = () => hand.ask('stop')
  hand.listen = inbox.put
  if (hand.end) inbox.put(hand.end)
  signal?.addEventListener('abort', stop)
  hand.ask(job)
  if (signal?.aborted) stop()
  try {
    for (;;) {
      const message = await inbox.take()
      if (message.type !== 'event') return message
      yield message.event as EventOf<Of>
    }
  } finally {
    hand.listen = () => {}
    signal?.removeEventListener('abort', stop)
  }
}

/** Errors lose their class on the way between threads; what programs act on is the code. */
function asError({ code, kind, message, stack }: Failed): Error {
  const error = code === undefined ? new Error(message) : new HoldfastError(code, message)
  error.name = kind
  error.stack = stack
  return error
}
