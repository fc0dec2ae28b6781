import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { count } from '../count.ts'
import { physicalCores } from '../engine/cores-node.ts'
import type { Engine } from '../engine/engine.ts'
import { present } from '../required.ts'
import { exchangeFolder } from '../study/queue/index.ts'
import { askForRounds } from '../study/queue/index-files.ts'
import { type RunRound, roundsIn } from '../study/rounds/index-files.ts'
import { localRounds } from '../study/workers/index-files.ts'
import { type KeptOutcome, type RunName, runName } from '../train/folders/index-files.ts'
import type { RunPlan } from '../train/plan/index.ts'
import type { LoadedPlan } from '../train/plan/index-files.ts'
import { replicatedTask } from '../train/replicas/index.ts'
import type { OpenTask } from '../train/run/index.ts'
import { processesFor } from './engine.ts'
import { openClient } from './queue-client.ts'
import { inTime } from './queue-place.ts'
import type { ReplicaPlace } from './replica-flags.ts'
import { DEFAULT_STORE } from './run-folders.ts'
import type { Call } from './verb.ts'

interface ReplicatedRun {
  readonly engine: Engine
  /** Of the run. */
  readonly folder: string
  readonly at: ReplicaPlace
}

interface NamedRun extends ReplicatedRun {
  readonly run: RunName
}

/** Where replicas and their mean meet. */
interface Rounds {
  readonly folder: string
  readonly run: RunRound
  close(): Promise<void>
}

/** Does a run whose tasks are trained by the replicas that its plan asks for; here, where it asks for none. */
export async function withReplicas<Result extends { readonly outcome: KeptOutcome }>(
  call: Call,
  loaded: LoadedPlan,
  how: ReplicatedRun,
  work: (openTask: OpenTask | undefined) => Promise<Result>,
): Promise<Result> {
  const { replicas } = loaded.plan
  if (!replicas) return work(undefined)
  const run = runName(loaded.plan, loaded.dataSha256, how.engine)
  const { count: of, outerRate: rate, outerMomentum: momentum } = replicas
  const open = how.at.queue === undefined ? hereRounds : queueRounds
  const rounds = await open(call, loaded.plan, { ...how, run })
  try {
    const given = { identity: run.identity, of, step: { rate, momentum } }
    const result = await work(replicatedTask(roundsIn(rounds.folder, given, rounds.run)))
    // A run that goes on finds what was done of its round.
    if (result.outcome.status === 'finished') await rm(rounds.folder, { recursive: true, force: true })
    return result
  } finally {
    await rounds.close()
  }
}

/** Replicas in processes of this machine. */
async function hereRounds(call: Call, plan: RunPlan, { folder, at }: NamedRun): Promise<Rounds> {
  const { threads, device } = plan
  const engine = { threads, device }
  const workers = processesFor(engine)
  call.screen.say(
    `${count(present(plan.replicas, 'replicas').count, 'replica')} in processes of this machine, on ${count(threads ?? physicalCores(), 'thread')} each.`,
  )
  return {
    folder: join(folder, 'exchange'),
    run: localRounds({
      workers,
      plan,
      engine,
      patience: at.roundWait,
      say: (line) => call.screen.warn(line),
    }),
    close: () => workers.close(),
  }
}

/** Replicas on the machines whose workers listen to a queue. */
async function queueRounds(call: Call, plan: RunPlan, { engine, at, run }: NamedRun): Promise<Rounds> {
  const { store = DEFAULT_STORE } = at
  const client = await openClient(
    { ...at, queue: present(at.queue, '--queue') },
    { store, engine },
    call.screen,
  )
  const { redis, packages, prefix } = client.place
  const rounds = askForRounds({
    ...{ redis, packages, prefix, plan, name: run.name, asking: client.asking },
    ...{ signal: call.signal, patience: at.roundWait },
  })
  return {
    folder: exchangeFolder(store, run),
    run: rounds.run,
    close: async () => {
      await inTime(rounds.close())
      await client.close()
    },
  }
}
