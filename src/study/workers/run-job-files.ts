import type { EngineOptions } from '../../engine/engine.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { DataError, HoldfastError } from '../../errors.ts'
import { present } from '../../required.ts'
import { executePlan, type RunEnd, type RunEvent } from '../../train/folders/index.ts'
import { runInStore, runName } from '../../train/folders/index-files.ts'
import { preparePlan, type RunPlan } from '../../train/plan/index.ts'
import { type LoadedPlan, loadPlan } from '../../train/plan/index-files.ts'
import { openReplica, type Replica } from '../../train/replicas/index.ts'
import { openInbox } from '../inbox.ts'
import { deliverRound, endRound } from '../rounds/index-files.ts'
import type { UpdateAnswer, UpdateJob } from '../updates/index.ts'
import { checkReads, updateInStore } from '../updates/index-files.ts'
import type { EndOf, Failed, Job, JobEvent, RoundTask, RunTask, Said, UpdateTask } from './messages.ts'

type Load = (plan: RunPlan, engine: EngineOptions) => Promise<LoadedPlan>

/** Does jobs one after another; what the last one of a kind loaded is kept for the next. */
export function jobRunner(
  runUpdate: RunUpdate | undefined,
): (job: Job, signal: AbortSignal) => AsyncGenerator<JobEvent, EndOf<Job>> {
  const load = loader()
  const replicas = replicaKeeper(load)
  return async function* (job, signal) {
    if (job.kind === 'run') return yield* doRun(job, load, signal)
    if (job.kind === 'update') return yield* doUpdate(job, present(runUpdate, 'updates'), signal)
    if (job.kind === 'mean') await endRound(job.folder, job.spec)
    else await deliverRound(job.folder, job.spec, job.replica, () => replicas(job))
    return { status: 'finished' }
  }
}

/** Runs the update of a job, with a folder for what each flag writes. */
export type RunUpdate = (
  job: UpdateJob,
  writes: (key: string) => string,
  call: { readonly say: (line: string) => void; readonly signal: AbortSignal },
) => Promise<UpdateAnswer>

async function* doUpdate(
  { store, identity, update }: UpdateTask,
  run: RunUpdate,
  signal: AbortSignal,
): AsyncGenerator<Said, EndOf<UpdateTask>> {
  const inbox = openInbox<Said | 'over'>()
  const done = updateInStore(store, identity, update, async (writes) => {
    await checkReads(update)
    try {
      const say = (line: string) => inbox.put({ type: 'said', line })
      return await run(update, writes, { say, signal })
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'interrupted') return undefined
      throw error
    }
  })
  const over = () => inbox.put('over')
  done.then(over, over)
  for (let said = await inbox.take(); said !== 'over'; said = await inbox.take()) yield said
  const answer = await done
  return answer ? { status: 'finished', answer } : { status: 'interrupted' }
}

function loader(): Load {
  let kept: { readonly key: string; readonly loaded: LoadedPlan } | undefined
  return async (plan, engine) => {
    const key = JSON.stringify([plan.data, plan.stream.kind === 'list' ? plan.stream : null, plan.model])
    if (kept?.key !== key)
      kept = { key, loaded: await loadPlan(plan, { engine: () => ortNode(engine), download: true }) }
    return { ...kept.loaded, plan }
  }
}

async function* doRun(
  { plan, store, engine: options, identity }: RunTask,
  load: Load,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, RunEnd> {
  const engine = ortNode(options)
  const loaded = await load(plan, options)
  const prepare = () => preparePlan(plan, loaded.inputs)
  if (store === undefined) return ended(yield* executePlan(plan, prepare(), { engine, signal }))
  if (identity !== undefined) refuseOther(loaded, options, identity)
  return yield* runInStore(loaded, { engine, store, verb: 'bench', signal, prepare })
}

/** Opens replicas; the last one stays open, as it is most often asked for next. */
function replicaKeeper(load: Load): (job: RoundTask) => Promise<Replica> {
  let open: { readonly key: string; readonly replica: Replica } | undefined
  return async ({ plan, engine: options, spec, replica }) => {
    const key = `${spec.identity} ${replica} of ${spec.of}`
    if (open?.key === key) return open.replica
    await open?.replica.dispose()
    open = undefined
    const loaded = await load(plan, options)
    refuseOther(loaded, options, spec.identity)
    const prepared = { ...preparePlan(plan, loaded.inputs), engine: ortNode(options) }
    open = { key, replica: openReplica(prepared, { replica, of: spec.of }) }
    return open.replica
  }
}

/** @throws DataError `data-other` where the data here make the run another one than was asked for. */
function refuseOther({ plan, dataSha256 }: LoadedPlan, options: EngineOptions, identity: string): void {
  if (runName(plan, dataSha256, ortNode(options)).identity === identity) return
  throw new DataError(
    'data-other',
    `The data here are not those that the run was asked for: ${plan.data.source} has another content on this machine. Bring the same data here, or end the worker of this machine.`,
  )
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
