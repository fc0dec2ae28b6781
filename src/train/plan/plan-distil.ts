import { z } from 'zod'
import { bounds } from '../../data/bounds.ts'

/** What of a plan teaches its model: the answers of others, from files. */
export const distilSchema = z.strictObject({
  teachers: z.array(z.string().min(1)).min(1).describe('models whose answers are taught: ONNX files'),
  labelled: z
    .boolean()
    .default(true)
    .describe(
      'whether the rows of the task have labels; without, what is held out has the teacher’s answers',
    ),
  unlabelled: z.string().min(1).optional().describe('more rows, without labels'),
  labelWeight: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('share of the loss on labels; the teacher’s answers have the rest'),
  featureWeight: bounds
    .fromZero()
    .default(0)
    .describe('weight of the squared distance to what the teacher’s head reads'),
  numbersArePositions: z
    .boolean()
    .optional()
    .describe(
      'where the data or the teacher have numbers for classes: these are positions in the other’s list',
    ),
  maxDrop: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('what the student may be worse than the teacher by, on rows held out'),
})

export type DistilPlan = z.output<typeof distilSchema>

interface DistilledPlan {
  readonly distil?: DistilPlan | undefined
  readonly stream: { readonly kind: string; readonly scenario: string; readonly tasks?: unknown }
  readonly method: { readonly name: string }
  readonly model: { readonly kind: string; readonly trained?: boolean | undefined }
  readonly loss?: string | undefined
}

/** What no single setting of a plan that is taught says; undefined where nothing contradicts. */
export function contradictionInDistil({
  distil,
  stream,
  method,
  model,
  loss,
}: DistilledPlan): string | undefined {
  if (!distil) return undefined
  const one = stream.kind === 'list' && Array.isArray(stream.tasks) && stream.tasks.length === 1
  if (!one || stream.scenario !== 'domain') {
    return 'distil teaches one task: a stream of kind list in the domain scenario with one task.'
  }
  if (method.name !== 'distil')
    return `distil is a way of training, and method.name is ${method.name}: set it to distil.`
  if (model.kind === 'onnx' && model.trained !== false) {
    return 'distil holds nothing of what its student knows: set model.trained to false.'
  }
  if (!distil.labelled && distil.labelWeight > 0) {
    return 'distil.labelWeight is the share of labels, but distil.labelled says that there are none; set it to 0.'
  }
  if (loss !== 'causal-lm') return undefined
  if (distil.unlabelled !== undefined || !distil.labelled) {
    return 'distil.unlabelled is for rows without labels, and texts are their own: name them as the task’s source.'
  }
  if (distil.featureWeight > 0)
    return 'distil.featureWeight compares one vector a row, and texts have one a token; leave it out.'
  return undefined
}
