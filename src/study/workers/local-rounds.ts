import { setTimeout as sleep } from 'node:timers/promises'
import type { EngineOptions } from '../../engine/engine.ts'
import { HoldfastError } from '../../errors.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import { followed } from '../followed.ts'
import { endRound, type RunRound } from '../rounds/index-files.ts'
import type { Workers } from './workers-node.ts'

const ATTEMPTS = 4

export interface LocalRounds {
  readonly workers: Workers
  readonly plan: RunPlan
  readonly engine: EngineOptions
  /** Seconds that a round waits for the others once a first replica has delivered. Default without end. */
  readonly patience?: number | undefined
  /** Is told of replicas that died. */
  readonly say: (line: string) => void
}

/**
 * Replicas in processes of this machine. One that dies is begun again, on the same round and to the same bits, up to four times; then the
 * round goes without it. An error of the training itself ends the run.
 */
export const localRounds =
  ({ workers, plan, engine, patience, say }: LocalRounds): RunRound =>
  async (folder, spec) => {
    const over = new AbortController()
    const replicas = Array.from({ length: spec.of }, (_, replica) =>
      untilDelivered(
        () => followed(workers.work({ kind: 'round', plan, engine, folder, spec, replica }, undefined)),
        (message, again) => {
          const what = again ? 'It is begun again.' : 'The round goes on without it.'
          say(`Replica ${replica + 1} of ${spec.of}: ${message} ${what}`)
        },
        over.signal,
      ),
    )
    const all = Promise.all(replicas)
    const late = patience === undefined ? undefined : lateAfter(replicas, patience, over.signal)
    try {
      await (late ? Promise.race([all, late]) : all)
    } finally {
      over.abort()
      // Those that are late end what they are at, and are free for the next round.
      all.catch(() => undefined)
    }
    await endRound(folder, spec)
  }

async function untilDelivered(
  attempt: () => Promise<unknown>,
  lost: (message: string, again: boolean) => void,
  over: AbortSignal,
): Promise<void> {
  for (let turn = 1; turn <= ATTEMPTS && !over.aborted; turn++) {
    try {
      await attempt()
      return
    } catch (error) {
      if (over.aborted) return
      if (!(error instanceof HoldfastError && error.code === 'worker-died')) throw error
      lost(error.message, turn < ATTEMPTS)
    }
  }
}

async function lateAfter(
  replicas: readonly Promise<void>[],
  seconds: number,
  over: AbortSignal,
): Promise<void> {
  await Promise.any(replicas)
  await sleep(seconds * 1000, undefined, { signal: over }).catch(() => undefined)
}
