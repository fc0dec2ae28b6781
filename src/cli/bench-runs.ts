import { join } from 'node:path'
import type { Engine } from '../engine/engine.ts'
import type { Tuning } from '../measure/results.ts'
import { followed } from '../study/followed.ts'
import { type BenchOutcome, type RunOne, runGrid, type Shard, shardOf } from '../study/grid/index.ts'
import { gridOf, writeGrid } from '../study/grid/index-files.ts'
import { askForRuns } from '../study/queue/index-files.ts'
import { makeFolder } from '../tensor/writes-files.ts'
import { benchResult } from '../train/folders/index.ts'
import {
  machineFacts,
  readStoredRun,
  runInStore,
  runName,
  runVersions,
} from '../train/folders/index-files.ts'
import { planStream, type RunPlan } from '../train/plan/index.ts'
import type { LoadedPlan } from '../train/plan/index-files.ts'
import { gridProgress } from './bench-progress.ts'
import { engineFor, workersFor } from './engine.ts'
import { openClient, type QueueSettings } from './queue-client.ts'
import type { Call, CommonSettings } from './verb.ts'

interface Runs {
  /** All of the benchmark, those of other shards, too. */
  readonly plans: readonly RunPlan[]
  readonly loaded: LoadedPlan
  /** At most so many runs at a time. */
  readonly jobs: number
  /** Undefined: nothing is kept. */
  readonly store: string | undefined
  /** Which of the runs. Default all. */
  readonly shard: Shard | undefined
  /** Whether the store gets a list of them, for who collects them. Default true. */
  readonly listed?: boolean | undefined
  /** How their settings were chosen, for that list. Default they are the protocol's. */
  readonly tuning?: readonly Tuning[] | undefined
}

/** Runs a benchmark's plans, or takes what a store has of them, and shows how they go. */
export async function runPlans(
  asked: CommonSettings & QueueSettings,
  call: Call,
  { plans: all, loaded, jobs: most, store, shard, listed = true, tuning }: Runs,
): Promise<BenchOutcome> {
  const engine = engineFor(asked)
  if (store !== undefined && listed) await noteGrid(store, all, { ...loaded, tuning }, engine)
  const plans = shard ? shardOf(all, shard) : all
  const { queue } = asked
  const atOnce = Math.max(1, queue === undefined ? Math.min(most, plans.length) : plans.length)
  const workers = queue === undefined && atOnce > 1 ? workersFor(asked) : undefined
  const client =
    queue === undefined || store === undefined
      ? undefined
      : await openClient({ ...asked, queue }, { store, engine }, call.screen)
  try {
    const byQueue = client && askForRuns(client.asking, (plan) => runName(plan, loaded.dataSha256, engine))
    const elsewhere = byQueue ?? workers?.run(store)
    const run = store === undefined ? elsewhere : overStore(store, loaded, engine, elsewhere)
    return await followed(
      runGrid({
        ...{ plans, inputs: loaded.inputs, engine, machine: machineFacts(engine), jobs: atOnce },
        ...{ signal: call.signal, run },
      }),
      gridProgress({ plans: plans.length, tasks: tasksOf(plans, loaded) }, call.screen),
    )
  } finally {
    call.screen.draw([])
    // Threads that wait for work, and connections, would keep the program from ending.
    await workers?.close()
    await client?.close()
  }
}

const tasksOf = ([first]: readonly RunPlan[], { inputs }: LoadedPlan): number =>
  first ? planStream(first, inputs.data).tasks.length : 0

/** Leaves the list of all runs in the store, for who collects them. */
async function noteGrid(
  store: string,
  plans: readonly RunPlan[],
  { inputs, dataSha256, tuning }: LoadedPlan & Pick<Runs, 'tuning'>,
  engine: Engine,
): Promise<void> {
  const names = plans.map((plan) => runName(plan, dataSha256, engine))
  await makeFolder(store)
  const bench = { ...benchResult(plans, inputs, machineFacts(engine), []), tuning }
  await writeGrid(store, gridOf(plans, names, bench, runVersions(engine)))
}

/** What the store has is taken from it before anybody else is asked. */
function overStore(store: string, loaded: LoadedPlan, engine: Engine, elsewhere: RunOne | undefined): RunOne {
  return async function* (plan, prepare, signal) {
    if (!elsewhere)
      return yield* runInStore({ ...loaded, plan }, { engine, store, verb: 'bench', signal, prepare })
    const { name, identity } = runName(plan, loaded.dataSha256, engine)
    const found = await readStoredRun(join(store, name), identity)
    if (found.state === 'finished') return { status: 'finished', result: found.result, kept: true }
    return yield* elsewhere(plan, prepare, signal)
  }
}
