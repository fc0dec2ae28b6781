import { z } from 'zod'
import { classLabels, kindOf } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { featureSums } from '../evaluate/feature-sums.ts'
import { addSums, type FeatureSums } from '../evaluate/sums.ts'
import { expandHead, expansionOf } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { required } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { linearHead, summedHead } from './closed-form/index.ts'
import { methodEntry, settle } from './entry.ts'
import type { ConsolidateContext, Method, MethodState } from './method.ts'
import { searched } from './search.ts'

const options = z.strictObject({
  shrinkage: z
    .number()
    .min(0)
    .optional()
    .describe(
      'added before the inverse, in mean eigenvalues of what is inverted; default chosen from the sums',
    )
    .meta(searched(1e-4, 1)),
})
const expandedOptions = options.extend({
  randomFeatures: z
    .int()
    .min(1)
    .max(4096)
    .default(1000)
    .describe('random features that the head reads beside its own'),
})

export type ClosedFormHeadsOptions = z.input<typeof options>
export type RanpacOptions = z.input<typeof expandedOptions>

/**
 * The head is ridge regression on one-hot targets, worked out at each task's end from counts, sums and products of all features so far:
 * with G their Gram matrix and C the sums of the classes, both about the mean, W = C (G + l I)^-1. The first task trains the model; then
 * nothing does, so the sums stay true and the head is that of joint training, whatever the order of the tasks. l is chosen from the sums
 * (generalised cross-validation), and logits are scaled to where their softmax is likeliest. Of a model that was trained before nothing
 * trains at all.
 *
 * @throws UsageError `method-option`; at a task's end `closed-form-labels` for rows without one class each, `closed-form-bias` for a head
 * without a bias; ModelError `head-missing`, `head-tied`, `head-closed-form`.
 * @example
 * const method = ridgeHead()
 */
export const ridgeHead = (given: ClosedFormHeadsOptions = {}): Method =>
  closedForm('ridge', settle('ridge', options, given))

/**
 * As {@link ridgeHead}, by linear discriminant analysis: with m_c the class means and S the covariance that all classes share,
 * w_c = S^-1 m_c and b_c = -m_c' S^-1 m_c / 2 + log prior (streaming: Hayes & Kanan 2020). S is shrunk towards the identity.
 *
 * @throws What {@link ridgeHead} throws.
 * @example
 * const method = ldaHead()
 */
export const ldaHead = (given: ClosedFormHeadsOptions = {}): Method =>
  closedForm('lda', settle('lda', options, given))

/**
 * As {@link ridgeHead}, on random features: f becomes Relu(f R), R = [I, normal numbers], frozen (RanPAC: McDonnell et al. 2023, NeurIPS,
 * arXiv 2307.02251). The model that is read has them before its head.
 *
 * @throws What {@link ridgeHead} throws; ModelError `head-expand`, `head-expanded`.
 * @example
 * const method = ranpac({ randomFeatures: 2000 })
 */
export const ranpac = (given: RanpacOptions = {}): Method =>
  closedForm('ranpac', settle('ranpac', expandedOptions, given))

type Kind = 'ridge' | 'lda' | 'ranpac'

interface Settings {
  readonly shrinkage?: number | undefined
  readonly randomFeatures?: number | undefined
}

function closedForm(name: Kind, { shrinkage, randomFeatures }: Settings): Method {
  const reading = (model: Model, { values }: MethodState): Model =>
    randomFeatures === undefined
      ? model
      : expandHead(model, { width: randomFeatures, seed: Number(values.seed) })
  return {
    name,
    settings: { shrinkage: shrinkage ?? null, ...(randomFeatures !== undefined && { randomFeatures }) },
    past: 'rows',
    needsBorders: `The first task alone trains the model, and then nothing does. ${ONLINE_MEMORY}`,
    trains: ({ index, given }) => index === 0 && !given,
    consolidate: async (state, context) => {
      // The directions are drawn once, and told by their seed.
      const seed = Number(state.values.seed ?? context.random('random features').integer(2 ** 31))
      const model = reading(context.model, { ...state, values: { seed } })
      const head = withBias(name, model)
      const sums = await sumsAfter(name, state, context, model)
      const kind = name === 'lda' ? 'lda' : 'ridge'
      const tensors = await summedHead(model, head, sums, { kind, strength: shrinkage })
      return { state: { tensors: new Map([...tensorsOf(sums), ...headState(tensors)]), values: { seed } } }
    },
    answer: (model, state) => {
      const head = [...state.tensors].filter(([key]) => key.startsWith(HEAD))
      if (head.length === 0) return model
      const read = reading(model, state)
      const own = head.map(([key, tensor]) => [key.slice(HEAD.length), tensor] as const)
      return { ...read, parameters: new Map([...read.parameters, ...own]) }
    },
    answersByGraph: randomFeatures !== undefined,
    refuses: (other) =>
      other.past !== 'nothing'
        ? `With ${name} nothing trains after the first task, so there would be nothing for ${other.name} to hold.`
        : undefined,
  }
}

const HEAD = 'head/'

const headState = (head: ReadonlyMap<string, Tensor>): [string, Tensor][] =>
  [...head].map(([parameter, tensor]) => [`${HEAD}${parameter}`, tensor])

/** A class without rows is answered never, which takes a bias. */
function withBias(name: Kind, model: Model) {
  const head = linearHead(model)
  if (head.bias !== undefined) return head
  throw new UsageError(
    'closed-form-bias',
    `${name} needs one offset a class, and the head "${head.node}" has no bias. Take a head with one, or leave ${name} out.`,
  )
}

/** Sums over all tasks so far, of what the head of `model` reads. */
async function sumsAfter(
  name: Kind,
  state: MethodState,
  { engine, reader, train, outputs }: ConsolidateContext,
  model: Model,
): Promise<FeatureSums> {
  if (kindOf(train) !== 'classification') {
    throw new UsageError(
      'closed-form-labels',
      `${name} sums features by class, but the labels of "${train.name}" are for ${kindOf(train)}. Leave ${name} out.`,
    )
  }
  const fresh = await featureSums({
    engine,
    features: await reader.features(train),
    labels: classLabels(train),
    classes: outputs,
    expansion: expansionOf(model)?.weight,
  })
  return state.tensors.has('counts') ? addSums(sumsIn(state), fresh) : fresh
}

const tensorsOf = ({ counts, sums, scatter, width }: FeatureSums): [string, Tensor][] => [
  ['counts', { type: 'float64', dims: [counts.length], data: counts }],
  ['sums', { type: 'float64', dims: [counts.length, width], data: sums }],
  ['scatter', { type: 'float64', dims: [width, width], data: scatter }],
]

function sumsIn({ tensors }: MethodState): FeatureSums {
  const numbers = (key: string) => required(tensors, key, 'sums').data as Float64Array
  const [counts, sums, scatter] = [numbers('counts'), numbers('sums'), numbers('scatter')]
  return { counts, sums, scatter, width: sums.length / counts.length }
}

const told = {
  needs: 'no',
  keeps: 'sums and products of features',
  alone: 'works the head out anew at that task’s end',
  helps: 'new classes on features that stay: exact in any order of tasks',
}

export const ridgeHeadEntry = methodEntry({
  ...{ name: 'ridge', ...told, options, create: ridgeHead },
  summary: 'the head by ridge regression from sums of features, nothing else after the first task',
})

export const ldaHeadEntry = methodEntry({
  ...{ name: 'lda', ...told, options, create: ldaHead },
  summary: 'the head by discriminant analysis from sums of features (Hayes & Kanan 2020)',
})

export const ranpacEntry = methodEntry({
  ...{ name: 'ranpac', ...told, options: expandedOptions, create: ranpac },
  summary: 'ridge on random features of the first task’s body (RanPAC: McDonnell et al. 2023)',
})
