import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Engine } from '../../engine/engine.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { HoldfastError } from '../../errors.ts'
import { executePlan } from '../../train/folders/index.ts'
import { runInFolder } from '../../train/folders/index-files.ts'
import { preparePlan, type RunPlan } from '../../train/plan/index.ts'
import { type LoadedPlan, loadPlan } from '../../train/plan/index-files.ts'
import type { Job, Message } from './messages.ts'

/** Whether this thread is one of `openWorkers`. */
export const isWorker = (): boolean =>
  !isMainThread && (workerData as { readonly holdfast?: string } | null)?.holdfast === 'runs'

/** Waits for jobs and does them, one at a time, until the thread is ended. */
export function serveWorker(): void {
  const port = parentPort
  if (!port) return
  let controller = new AbortController()
  let kept: { readonly key: string; readonly loaded: LoadedPlan } | undefined
  const load = async (plan: RunPlan, engine: Engine): Promise<LoadedPlan> => {
    const key = JSON.stringify([plan.data, plan.stream.kind === 'list' ? plan.stream : null, plan.model])
    if (kept?.key !== key) kept = { key, loaded: await loadPlan(plan, { engine: () => engine }) }
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
  load: (plan: RunPlan, engine: Engine) => Promise<LoadedPlan>,
  signal: AbortSignal,
): Promise<void> {
  const send = (message: Message) => port.postMessage(message)
  try {
    const engine = ortNode(options)
    const loaded = await load(plan, engine)
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
