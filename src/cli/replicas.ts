import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { present } from '../required.ts'
import { type RunRound, roundsIn } from '../study/rounds/index-files.ts'
import { localRounds } from '../study/workers/index-files.ts'
import { type KeptOutcome, runName } from '../train/folders/index-files.ts'
import type { LoadedPlan } from '../train/plan/index-files.ts'
import { replicatedTask } from '../train/replicas/index.ts'
import type { OpenTask } from '../train/run/index.ts'
import { processesFor } from './engine.ts'
import type { Call } from './verb.ts'

interface ReplicatedRun {
  readonly engine: Engine
  /** Of the run. */
  readonly folder: string
  readonly roundWait?: number | undefined
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
  const { identity } = runName(loaded.plan, loaded.dataSha256, how.engine)
  const { count: of, outerRate: rate, outerMomentum: momentum } = replicas
  const rounds = hereRounds(call, loaded, how)
  try {
    const given = { identity, of, step: { rate, momentum } }
    const result = await work(replicatedTask(roundsIn(rounds.folder, given, rounds.run)))
    // A run that goes on finds what was done of its round.
    if (result.outcome.status === 'finished') await rm(rounds.folder, { recursive: true, force: true })
    return result
  } finally {
    await rounds.close()
  }
}

/** Replicas in processes of this machine. */
function hereRounds(call: Call, { plan }: LoadedPlan, { folder, roundWait }: ReplicatedRun): Rounds {
  const { threads, device } = plan
  const engine = { threads, device }
  const workers = processesFor(engine)
  call.screen.say(
    `${present(plan.replicas, 'replicas').count} replicas in processes of this machine, on ${threads} ${threads === 1 ? 'thread' : 'threads'} each.`,
  )
  return {
    folder: join(folder, 'exchange'),
    run: localRounds({ workers, plan, engine, patience: roundWait, say: (line) => call.screen.warn(line) }),
    close: () => workers.close(),
  }
}
