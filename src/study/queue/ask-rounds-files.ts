import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FlowProducer } from 'bullmq'
import type { Redis } from 'ioredis'
import { HoldfastError } from '../../errors.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import { followed } from '../followed.ts'
import { type RoundSpec, roundKey } from '../rounds/index.ts'
import { delivered, type RunRound } from '../rounds/index-files.ts'
import type { Asking } from './asking-files.ts'
import type { QueuePackages } from './packages-node.ts'

interface AskRounds {
  readonly redis: Redis
  readonly packages: QueuePackages
  readonly prefix: string
  readonly asking: Asking
  readonly plan: RunPlan
  /** Of the run, for people. */
  readonly name: string
  readonly signal: AbortSignal
  /** Seconds that a round waits for the others once a first replica has delivered. Default without end. */
  readonly patience?: number | undefined
}

const MILLISECONDS_BETWEEN_LOOKS = 500

/**
 * Rounds as flows: the job that takes the mean is the parent of those that the replicas' steps are, and the queue gives it to a worker
 * when all of them are done or given up. A worker that dies loses nothing: its job is given to another, and comes to the same bits.
 *
 * Where who asks is stopped, what was asked for stays in the queue and ends there; asked for again, its mean is found in the store.
 */
export function askForRounds(given: AskRounds): { readonly run: RunRound; close(): Promise<void> } {
  const { redis, packages, prefix, asking, signal } = given
  const flows = new packages.bullmq.FlowProducer({ connection: redis, prefix })
  flows.on('error', () => undefined)
  return {
    run: async (folder, spec) => {
      const over = new AbortController()
      const late = given.patience === undefined ? undefined : dropLate(given, folder, spec, over.signal)
      try {
        const events = asking.follow(roundKey(spec), () => addRound(flows, given, spec), signal)
        if (!(await followed(events))) {
          throw new HoldfastError(
            'interrupted',
            'Stopped in the middle of a round, which workers go on with. The same command goes on from its beginning.',
          )
        }
      } finally {
        over.abort()
        await late
      }
    },
    close: () => flows.close(),
  }
}

const addRound = (flows: FlowProducer, { asking, plan, name }: AskRounds, spec: RoundSpec) => {
  const { name: queueName } = asking.queue
  const { task, from, count } = spec.place
  const key = roundKey(spec)
  const words = `${name}, task ${task + 1}, steps ${from + 1} to ${from + count}`
  return flows.add({
    ...{ name: `${words}, mean`, queueName, data: { kind: 'mean', spec }, opts: asking.settings(key) },
    children: Array.from({ length: spec.of }, (_, replica) => ({
      name: `${words}, replica ${replica + 1} of ${spec.of}`,
      queueName,
      data: { kind: 'round', plan, spec, replica },
      opts: {
        // What an earlier parent of the same round left in the queue is not this one's child.
        ...asking.settings(`${key}-${replica}-${randomUUID().slice(0, 8)}`),
        // A replica that is given up does not keep the others' mean.
        ignoreDependencyOnFailure: true,
      },
    })),
  })
}

/** Takes replicas that are late out of a round: the first that delivers starts the clock. */
async function dropLate(
  { asking, patience = 0 }: AskRounds,
  folder: string,
  spec: RoundSpec,
  over: AbortSignal,
): Promise<void> {
  let first: number | undefined
  while (!over.aborted) {
    await sleep(MILLISECONDS_BETWEEN_LOOKS, undefined, { signal: over }).catch(() => undefined)
    if (first === undefined && (await delivered(folder, spec)).some(Boolean)) first = performance.now()
    if (first === undefined || performance.now() - first < patience * 1000) continue
    await dropChildren(asking, spec).catch(() => undefined)
  }
}

async function dropChildren({ queue }: Asking, spec: RoundSpec): Promise<void> {
  const parent = await queue.getJob(roundKey(spec))
  const { unprocessed = [] } = (await parent?.getDependencies({ unprocessed: { count: spec.of } })) ?? {}
  for (const key of unprocessed) {
    const child = await queue.getJob(key.slice(key.lastIndexOf(':') + 1))
    // One that nobody has begun is removed; one that is at hand ends for nobody.
    await child?.remove().catch(() => child.removeChildDependency())
  }
}
