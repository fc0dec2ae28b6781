import type { z } from 'zod'
import { UsageError } from '../errors.ts'
import { parsePlan, type RunPlan, replicasSchema } from '../train/plan/index.ts'
import { flagName, flagOf, group, seconds } from './flags/index.ts'
import type { queueAndStoreFlags } from './queue-client.ts'

const { count, localSteps, outerRate, outerMomentum } = replicasSchema.shape

/** Flags of one training in several places: the fields of a configuration's `replicas`, and how long a round waits. */
export const replicaFlags = group('Replicas', {
  replicas: flagOf(count.optional()).meta({
    description:
      'Train in so many places at once, each with its own share of the rows, and take the mean after each round',
    option: 'count',
  }),
  localSteps: flagOf(localSteps),
  outerRate: flagOf(outerRate),
  outerMomentum: flagOf(outerMomentum),
  roundWait: seconds().optional().meta({
    description:
      'A round waits so long for the other replicas once the first has delivered, and goes on without them',
    otherwise: 'until all have',
  }),
})

/** Where they are, when they are not in processes of this machine. */
export type ReplicaPlace = z.output<z.ZodObject<typeof queueAndStoreFlags>> &
  Pick<ReplicaSettings, 'roundWait'>

export type ReplicaSettings = z.output<z.ZodObject<typeof replicaFlags>>

const NONE_HERE = 'there are none; give --replicas N, too.'

/**
 * Refuses what says where replicas are, where it changes nothing.
 *
 * @param none how it is said that there are none, and what to do
 * @throws UsageError `flag-value`.
 */
export function checkReplicaPlace(
  replicated: boolean,
  { roundWait, queue, store, priority }: Partial<ReplicaPlace>,
  none: string,
): void {
  if (!replicated) refuseFlags({ roundWait, queue, store, priority }, `is about replicas, and ${none}`)
  if (queue === undefined) {
    refuseFlags(
      { store, priority },
      'is about replicas on other machines, and needs --queue redis://HOST:PORT.',
    )
  }
}

function refuseFlags(flags: Readonly<Record<string, unknown>>, why: string): void {
  const found = Object.entries(flags).find(([, value]) => value !== undefined)
  if (found) throw new UsageError('flag-value', `--${flagName(found[0])} ${why}`)
}

/** The plan with what the flags say of its replicas. */
export function withReplicaFlags(
  plan: RunPlan,
  asked: ReplicaSettings & Pick<ReplicaPlace, 'queue' | 'store' | 'priority'>,
): RunPlan {
  const { localSteps: steps, outerRate: rate, outerMomentum: momentum } = asked
  const said = { count: asked.replicas, localSteps: steps, outerRate: rate, outerMomentum: momentum }
  const replicated = asked.replicas !== undefined || plan.replicas !== undefined
  if (!replicated) refuseFlags(said, `is about replicas, and ${NONE_HERE}`)
  checkReplicaPlace(replicated, asked, NONE_HERE)
  const given = Object.entries(said).filter(([, value]) => value !== undefined)
  if (given.length === 0) return plan
  const replicas = { ...plan.replicas, ...Object.fromEntries(given) }
  return parsePlan({ ...plan, replicas }, 'the configuration with these flags')
}
