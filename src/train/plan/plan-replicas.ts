import { z } from 'zod'
import { bounds } from '../../data/bounds.ts'

const MOST_REPLICAS = 1024

/** How several places train one model. */
export const replicasSchema = z.strictObject({
  count: z.int().min(1).max(MOST_REPLICAS).describe('places, each with its own share of the rows'),
  localSteps: bounds.steps().default(100).describe('steps that each takes between exchanges'),
  outerRate: z
    .number()
    .min(0.001)
    .max(10)
    .default(1)
    .describe('of the step from where a round began to the replicas’ mean; 1 goes to the mean'),
  outerMomentum: z
    .number()
    .min(0)
    .max(0.999)
    .default(0)
    .describe('Nesterov momentum of these steps; DiLoCo takes 0.9, with a rate of 0.7'),
})

interface Planned {
  readonly replicas?: z.output<typeof replicasSchema> | undefined
  readonly distil?: unknown
  readonly evaluateEvery?: number | undefined
  readonly checkpointEvery?: number | undefined
  readonly earlyStopping?: { readonly every: number } | undefined
}

/** What replicas do not go with. */
export function contradictionInReplicas(plan: Planned): string | undefined {
  const { replicas } = plan
  if (!replicas) return undefined
  if (plan.distil !== undefined) {
    return 'replicas are for learning from labels, and distil has teachers answer in one place; leave one out.'
  }
  const { localSteps } = replicas
  const every = {
    evaluateEvery: plan.evaluateEvery,
    checkpointEvery: plan.checkpointEvery,
    'earlyStopping.every': plan.earlyStopping?.every,
  }
  for (const [name, steps] of Object.entries(every)) {
    if (steps === undefined || steps % localSteps === 0) continue
    return `${name} is ${steps}, but replicas are heard of every ${localSteps} steps only (replicas.localSteps, --local-steps); give a multiple of that.`
  }
  return undefined
}
