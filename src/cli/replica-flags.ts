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

/** The plan with what the flags say of its replicas. */
export function withReplicaFlags(
  plan: RunPlan,
  asked: ReplicaSettings & Pick<ReplicaPlace, 'queue' | 'store' | 'priority'>,
): RunPlan {
  const { localSteps: steps, outerRate: rate, outerMomentum: momentum, roundWait } = asked
  const said = { count: asked.replicas, localSteps: steps, outerRate: rate, outerMomentum: momentum }
  const given = Object.entries(said).filter(([, value]) => value !== undefined)
  if (asked.replicas === undefined && !plan.replicas) {
    const { queue, store, priority } = asked
    const [first] = [...given, ...Object.entries({ roundWait, queue, store, priority })].flatMap(
      ([name, value]) => (value === undefined ? [] : [name]),
    )
    if (first === undefined) return plan
    throw new UsageError(
      'flag-value',
      `--${flagName(first)} is about replicas, and there are none; give --replicas N, too.`,
    )
  }
  if (given.length === 0) return plan
  const replicas = { ...plan.replicas, ...Object.fromEntries(given) }
  return parsePlan({ ...plan, replicas }, 'the configuration with these flags')
}
