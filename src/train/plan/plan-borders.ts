import { z } from 'zod'
import { borderShapes } from '../../tasks/index.ts'

/** Of streams whose borders nobody is told. */
export const bordersSchema = z.strictObject({
  width: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('of the mixing of two tasks’ rows around each border, as a share of a task; 0: none'),
  shape: z
    .enum(borderShapes)
    .default('linear')
    .describe('how the new task’s share of the rows grows in it: in a straight line, or as (1 - cos) / 2'),
})

/** A stream's setting. */
export const borders = bordersSchema
  .optional()
  .describe('nobody is told when a task ends, and rows of two tasks may mix there; default: methods are told')

interface Planned {
  readonly stream: { readonly scenario: string; readonly borders?: unknown }
  readonly loss?: string | undefined
  readonly schedule: { readonly kind: string; readonly warmup: number }
  readonly resetOptimiser: boolean
  readonly earlyStopping?: unknown
  readonly replicas?: unknown
  readonly distil?: unknown
}

/** What goes by a task's beginning or end, where neither is told. */
export function contradictionInBorders(plan: Planned): string | undefined {
  if (plan.stream.borders === undefined) return undefined
  const without = (what: string) =>
    `stream.borders (--border-width) means that nobody is told when a task ends, and ${what}`
  if (plan.stream.scenario === 'task') {
    return without('in the task scenario each row’s task is told. Take the class or the domain scenario.')
  }
  if (plan.loss === 'causal-lm')
    return without('loss: causal-lm takes tasks one after another; leave one out.')
  if (plan.distil !== undefined) return without('a student has one task alone; leave it out.')
  if (plan.earlyStopping !== undefined) {
    return without('earlyStopping ends a task before its last step; leave one out.')
  }
  if (plan.resetOptimiser) {
    return without('resetOptimiser starts the optimiser anew with each task; leave one out.')
  }
  if (plan.schedule.kind !== 'constant' || plan.schedule.warmup > 0) {
    return without('schedule goes by the steps of a task; leave one out.')
  }
  if (plan.replicas !== undefined) {
    return without(
      'replicas (--replicas) take shares of each task’s rows in an order of their own; leave one out.',
    )
  }
  return undefined
}
