import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'
import type { EngineOptions } from '../../engine/engine.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { HoldfastError } from '../../errors.ts'
import type { RunResult } from '../../measure/results.ts'
import { executePlan } from '../../train/folders/index.ts'
import { runInFolder } from '../../train/folders/index-files.ts'
import { preparePlan, type RunPlan } from '../../train/plan/index.ts'
import { type LoadedPlan, loadPlan } from '../../train/plan/index-files.ts'
import type { LearnEvent } from '../../train/run/index.ts'
import type { RunOne } from '../grid/index.ts'

/** What a worker is asked to run. */
interface Job {
  readonly plan: RunPlan
  /** Undefined: in memory. */
  readonly folder: string | undefined
  readonly engine: EngineOptions
}

type Outcome =
  | { readonly status: 'finished'; readonly result: RunResult }
  | { readonly status: 'interrupted' }

type Message =
  | { readonly type: 'event'; readonly event: LearnEvent }
  | { readonly type: 'done'; readonly outcome: Outcome }
  | {
      readonly type: 'failed'
      readonly code: string | undefined
      readonly message: string
      readonly stack: string
    }

/** Threads that run plans side by side. */
export interface Workers {
  /** Runs a plan in a folder, or in memory, on a thread that is free. */
  readonly run: (folder: (plan: RunPlan) => string | undefined) => RunOne
  close(): Promise<void>
}

/**
 * ONNX Runtime's `run` holds the thread that calls it, so runs go side by side only on threads of their own. A thread
 * keeps the data of its last plan.
 *
 * @param entry the module that a worker loads; it has to call {@link serveWorker}
 * @example
 * const workers = openWorkers(import.meta.url, { threads: 1 })
 */
export function openWorkers(entry: string, engine: EngineOptions): Workers {
  const idle: Worker[] = []
  const all: Worker[] = []
  const take = (): Worker => {
    const waiting = idle.pop()
    if (waiting) return waiting
    const worker = new Worker(new URL(entry), { workerData: { holdfast: 'runs' } })
    all.push(worker)
    return worker
  }
  return {
    run: (folder) =>
      async function* (plan, _prepared, signal) {
        const worker = take()
        const job: Job = { plan, folder: folder(plan), engine }
        const outcome = yield* ask(worker, job, signal)
        idle.push(worker)
        return outcome
      },
    close: async () => {
      await Promise.all(all.map((worker) => worker.terminate()))
    },
  }
}

async function* ask(
  worker: Worker,
  job: Job,
  signal: AbortSignal | undefined,
): AsyncGenerator<LearnEvent, Outcome> {
  const arrived: Message[] = []
  let wake = () => {}
  const receive = (message: Message) => {
    arrived.push(message)
    wake()
  }
  const fail = (error: Error) =>
    receive({ type: 'failed', code: undefined, message: error.message, stack: error.stack ?? error.message })
  const stop = () => worker.postMessage('stop')
  worker.on('message', receive).on('error', fail)
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
      else if (message.type === 'done') return message.outcome
      else throw asError(message)
    }
  } finally {
    worker.off('message', receive).off('error', fail)
    signal?.removeEventListener('abort', stop)
  }
}

/** Errors lose their class on the way between threads; what programs act on is the code. */
function asError({ code, message, stack }: Extract<Message, { type: 'failed' }>): Error {
  const error = code === undefined ? new Error(message) : new HoldfastError(code, message)
  error.stack = stack
  return error
}

/** Whether this thread is one of {@link openWorkers}. */
export const isWorker = (): boolean =>
  !isMainThread && (workerData as { readonly holdfast?: string } | null)?.holdfast === 'runs'

/** Waits for jobs and does them, one at a time, until the thread is ended. */
export function serveWorker(): void {
  const port = parentPort
  if (!port) return
  let controller = new AbortController()
  let kept: { readonly key: string; readonly loaded: LoadedPlan } | undefined
  const load = async (plan: RunPlan): Promise<LoadedPlan> => {
    const key = JSON.stringify([plan.data, plan.stream.kind === 'list' ? plan.stream : null, plan.model])
    if (kept?.key !== key) kept = { key, loaded: await loadPlan(plan) }
    return { ...kept.loaded, plan }
  }
  port.on('message', (message: Job | 'stop') => {
    if (message === 'stop') {
      controller.abort()
      return
    }
    controller = new AbortController()
    void work(port, message, load, controller.signal)
  })
}

async function work(
  port: MessagePort,
  { plan, folder, engine: options }: Job,
  load: (plan: RunPlan) => Promise<LoadedPlan>,
  signal: AbortSignal,
): Promise<void> {
  const send = (message: Message) => port.postMessage(message)
  try {
    const loaded = await load(plan)
    const engine = ortNode(options)
    const events =
      folder === undefined
        ? executePlan(plan, preparePlan(plan, loaded.inputs), { engine, signal })
        : runInFolder(loaded, { engine, folder, verb: 'bench', signal })
    let next = await events.next()
    while (!next.done) {
      send({ type: 'event', event: next.value })
      next = await events.next()
    }
    const { value } = next
    send({
      type: 'done',
      outcome:
        value.status === 'finished'
          ? { status: 'finished', result: value.result }
          : { status: 'interrupted' },
    })
  } catch (error) {
    const known = error instanceof HoldfastError ? error.code : undefined
    const text = error instanceof Error ? error.message : String(error)
    send({
      type: 'failed',
      code: known,
      message: text,
      stack: error instanceof Error ? (error.stack ?? text) : text,
    })
  }
}
