import { z } from 'zod'
import { bounds } from '../../data/bounds.ts'
import { borders } from './plan-borders.ts'

const scenario = z
  .enum(['task', 'domain', 'class'])
  .describe('what is told at test time: the task, or nothing')

const split = z.strictObject({
  kind: z.literal('split'),
  scenario: scenario.default('class'),
  borders,
  classesPerTask: bounds.rows().default(2).describe('classes in each task'),
  groups: z
    .array(z.array(z.union([bounds.rows(0), z.string().min(1)])).min(1))
    .min(1)
    .superRefine((groups, context) => {
      const all = groups.flat()
      const twice = all.find((each, at) => all.indexOf(each) < at)
      if (twice === undefined) return
      context.addIssue({
        code: 'custom',
        message: `the class ${JSON.stringify(twice)} stands there twice; it can be in one task only.`,
      })
    })
    .optional()
    .describe('instead: the classes of each task, by name or by place in their list'),
  groupOrderSeed: z
    .int()
    .min(0)
    .optional()
    .describe('order in which the groups are learned; 0 (default) is the one given'),
  classOrderSeed: z
    .int()
    .default(0)
    .describe('order of the classes before they are split; 0 is the natural one'),
})
const permuted = z.strictObject({
  kind: z.literal('permuted'),
  scenario: scenario.default('domain'),
  borders,
  tasks: bounds.tasks().default(10),
  padTo: bounds.pixels().optional().describe('pixels a side that images are padded to'),
  streamSeed: z.int().default(0).describe('of the permutations'),
})
const rotated = z.strictObject({
  kind: z.literal('rotated'),
  scenario: scenario.default('domain'),
  borders,
  tasks: bounds.tasks().default(20),
  angles: z.array(bounds.number()).min(1).optional().describe('degrees, one a task; instead of random ones'),
  streamSeed: z.int().default(0).describe('of the random angles'),
})
export const list = z.strictObject({
  kind: z.literal('list'),
  scenario: scenario.default('class'),
  borders,
  tasks: z
    .array(z.strictObject({ name: z.string().min(1), source: z.string().min(1) }))
    .min(1)
    .describe('a data set each, in the order learned'),
})
export const stream = z.discriminatedUnion('kind', [split, permuted, rotated, list])

/** A stream in any scenario, as protocols have it. */
export const streamWithoutScenario = z.discriminatedUnion('kind', [
  split.omit({ scenario: true }),
  permuted.omit({ scenario: true }),
  rotated.omit({ scenario: true }),
  list.omit({ scenario: true }),
])
