import { ortNode } from '../../engine/ort-node.ts'
import { DataError, HoldfastError } from '../../errors.ts'
import { executePlan, type RunEnd, type RunEvent } from '../../train/folders/index.ts'
import { runInStore, runName } from '../../train/folders/index-files.ts'
import { preparePlan, type RunPlan } from '../../train/plan/index.ts'
import { type LoadedPlan, loadPlan } from '../../train/plan/index-files.ts'
import type { Failed, Job } from './messages.ts'

/** Does jobs one after another; the data of the last one are kept for the next. */
export function jobRunner(): (job: Job, signal: AbortSignal) => AsyncGenerator<RunEvent, RunEnd> {
  let kept: { readonly key: string; readonly loaded: LoadedPlan } | undefined
  const load = async (plan: RunPlan, engine: Job['engine']): Promise<LoadedPlan> => {
    const key = JSON.stringify([plan.data, plan.stream.kind === 'list' ? plan.stream : null, plan.model])
    if (kept?.key !== key)
      kept = { key, loaded: await loadPlan(plan, { engine: () => ortNode(engine), download: true }) }
    return { ...kept.loaded, plan }
  }
  return async function* ({ plan, store, engine: options, identity }, signal) {
    const engine = ortNode(options)
    const loaded = await load(plan, options)
    const prepare = () => preparePlan(plan, loaded.inputs)
    if (store === undefined) return ended(yield* executePlan(plan, prepare(), { engine, signal }))
    if (identity !== undefined && runName(plan, loaded.dataSha256, engine).identity !== identity) {
      throw new DataError(
        'data-other',
        `The data here are not those that the run was asked for: ${plan.data.source} has another content on this machine. Bring the same data here, or end the worker of this machine.`,
      )
    }
    return yield* runInStore(loaded, { engine, store, verb: 'bench', signal, prepare })
  }
}

/** Without the parameters, which nobody asks for. */
const ended = (outcome: RunEnd): RunEnd =>
  outcome.status === 'finished' ? { status: 'finished', result: outcome.result } : { status: 'interrupted' }

/** What an error is on the way to another thread or process: errors lose their class there. */
export function asFailed(error: unknown): Failed {
  const message = error instanceof Error ? error.message : String(error)
  return {
    type: 'failed',
    code: error instanceof HoldfastError ? error.code : undefined,
    kind: error instanceof Error ? error.name : typeof error,
    message,
    stack: error instanceof Error ? (error.stack ?? message) : message,
  }
}
