import type { z } from 'zod'
import { UsageError } from '../errors.ts'
import { bordersSchema, parsePlan, type RunPlan } from '../train/plan/index.ts'
import { flagOf, group } from './flags/index.ts'

const { width, shape } = bordersSchema.shape

/** Flags of streams whose borders nobody is told: the fields of a stream's `borders`. */
export const borderFlags = group('Stream', {
  borderWidth: flagOf(width.unwrap().optional()).meta({
    description:
      'Nobody is told when a task ends, and rows of two tasks mix around each border, over this share of a task (0 to 1)',
    option: 'width',
  }),
  borderShape: flagOf(shape.unwrap().optional()).meta({
    description: 'How the new task’s share of the rows grows there',
    otherwise: 'linear',
    option: 'shape',
  }),
})

export type BorderSettings = z.output<z.ZodObject<typeof borderFlags>>

/**
 * What the flags say of a stream's borders, beside what was said before; undefined where they say nothing.
 *
 * @throws UsageError `flag-value` for a shape where borders are told.
 */
export function bordersAsked(
  { borderWidth, borderShape }: BorderSettings,
  before?: { readonly width?: number | undefined; readonly shape?: BorderSettings['borderShape'] },
) {
  if (borderShape !== undefined && borderWidth === undefined && !before) {
    throw new UsageError(
      'flag-value',
      '--border-shape is about borders that nobody is told; give --border-width, too.',
    )
  }
  if (borderWidth === undefined && borderShape === undefined) return undefined
  return { width: borderWidth ?? before?.width, shape: borderShape ?? before?.shape }
}

/** The plan with what the flags say of its stream's borders. */
export function withBorderFlags(plan: RunPlan, asked: BorderSettings): RunPlan {
  const borders = bordersAsked(asked, plan.stream.borders)
  if (!borders) return plan
  return parsePlan({ ...plan, stream: { ...plan.stream, borders } }, 'the configuration with these flags')
}
