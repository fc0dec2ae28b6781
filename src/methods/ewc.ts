import { z } from 'zod'
import { samples as countSamples } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry } from './entry.ts'
import { type FisherLabels, fisherDiagonal } from './fisher/index.ts'
import type { ConsolidateContext, Method, MethodState } from './method.ts'
import { mergeQuadratic, type PenaltyStep, penaltyInputs, quadraticPenalty } from './quadratic.ts'
import { searched } from './search.ts'

const schema = z.strictObject({
  lambda: z
    .number()
    .default(1000)
    .describe('strength of the penalty, lambda/2 in the loss')
    .meta({ ...inUpdates('penalty'), ...searched(1, 1e10) }),
  fisher: z
    .enum(['exact', 'sampled', 'true', 'batch'])
    .optional()
    .describe('labels that the Fisher is taken over; default exact, of texts sampled'),
  fisherSamples: z.int().optional().describe('samples that the Fisher is estimated on; default all'),
  fisherBatch: z.int().default(128).describe('batch of the Fisher; changes the result for "batch" only'),
  ewcStep: z
    .enum(['explicit', 'proximal'])
    .default('explicit')
    .describe('how the penalty is stepped on')
    .meta(inUpdates('step')),
})
const onlineSchema = schema.extend({
  gamma: z
    .number()
    .default(1)
    .describe(
      'what the running Fisher is multiplied by in the penalty of a task, and again when its own is added',
    )
    .meta(searched(0.5, 1, 'linear')),
})
const defaults = onlineSchema.parse({})

export interface EwcOptions {
  /** Strength of the penalty, in the loss as lambda/2. Meaningless without naming the Fisher it goes with. Default 1000. */
  readonly lambda?: number
  /** Whose labels the Fisher is taken over; see {@link FisherLabels}. Default 'exact'; of texts 'sampled'. */
  readonly fisher?: FisherLabels
  /** At most so many samples of the task's training data, drawn at random, to estimate the Fisher on; default all. */
  readonly samples?: number
  /** One running Fisher anchored at the latest parameters (Schwarz et al. 2018) instead of one a task. Default false. */
  readonly online?: boolean
  /** Online only: what the running Fisher is multiplied by in a task's penalty, and before the task's own is added. Default 1. */
  readonly gamma?: number
  /** 'proximal' takes the penalty's closed-form step, stable for any lambda. Default 'explicit'. */
  readonly step?: PenaltyStep
  /** Batch size of `fisher: 'batch'`, and of the estimate's passes otherwise (which changes speed only). Default 128. */
  readonly fisherBatch?: number
}

/**
 * Elastic weight consolidation: loss + lambda/2 sum_k sum_i F_k,i (theta_i - theta*_k,i)^2, one Fisher diagonal F_k and
 * one anchor theta*_k a past task (Kirkpatrick et al. 2017, PNAS); with `online`, one running Fisher F at the latest
 * parameters: loss + lambda/2 sum_i gamma F_i (theta_i - theta*_i)^2, then F <- gamma F + F_k (Schwarz et al. 2018, ICML). However many tasks there were, it remembers two tensors a parameter.
 *
 * @throws UsageError `ewc-lambda`, `ewc-gamma`, `ewc-samples` for values that make no sense.
 * @example
 * const method = ewc({ lambda: 1e5 })
 */
export function ewc(options: EwcOptions = {}): Method {
  const settings = {
    lambda: options.lambda ?? defaults.lambda,
    fisher: options.fisher ?? null,
    samples: options.samples ?? null,
    online: options.online ?? false,
    gamma: options.gamma ?? defaults.gamma,
    step: options.step ?? defaults.ewcStep,
    fisherBatch: options.fisherBatch ?? defaults.fisherBatch,
  } as const
  checkSettings(settings)
  // Schwarz et al. 2018, eq. 9: the next task sees gamma F, and gamma F + F_k is kept at its end.
  const strength = settings.online ? settings.lambda * settings.gamma : settings.lambda
  return {
    name: settings.online ? 'online-ewc' : 'ewc',
    settings,
    past: 'rows',
    needsBorders: `It estimates what weights are worth, and anchors them, when a task ends. ${ONLINE_MEMORY}`,
    inputs: (state) => penaltyInputs(state, strength),
    terms: (context, state) => quadraticPenalty(context, settings.step, settings.lambda * constantOf(state)),
    consolidate: async (state, context) => {
      const diagonal = context.fisher ?? (await estimated(settings, context))
      const merged = mergeQuadratic(state, diagonal, context.parameters, {
        decay: settings.online ? settings.gamma : 1,
        latestAnchor: settings.online,
      })
      const constant = constantOf(state) + merged.constant
      return { state: { tensors: merged.tensors, values: { constant } } }
    },
  }
}

/** What completing the square left behind; nothing before the first task's end. */
const constantOf = ({ values }: MethodState): number => Number(values.constant ?? 0)

async function estimated(
  settings: {
    readonly fisher: FisherLabels | null
    readonly samples: number | null
    readonly fisherBatch: number
  },
  context: ConsolidateContext,
): Promise<ReadonlyMap<string, Tensor<'float32'>>> {
  const { engine, model, parameters, buffers, train, active } = context
  const { diagonal } = await fisherDiagonal({
    ...{ engine, model, parameters, buffers, dataset: train, units: active },
    ...(settings.fisher && { labels: settings.fisher }),
    ...(settings.samples === null ? {} : { samples: Math.min(settings.samples, countSamples(train)) }),
    batchSize: settings.fisherBatch,
    random: context.random('fisher'),
  })
  return diagonal
}

function checkSettings(settings: {
  lambda: number
  gamma: number
  samples: number | null
  fisherBatch: number
}): void {
  if (!(settings.lambda >= 0))
    throw new UsageError('ewc-lambda', `EWC's lambda must be 0 or more; ${settings.lambda} was given.`)
  if (!(settings.gamma >= 0 && settings.gamma <= 1)) {
    throw new UsageError('ewc-gamma', `Online EWC's gamma must lie in 0..1; ${settings.gamma} was given.`)
  }
  if (settings.samples !== null && !(settings.samples >= 1)) {
    throw new UsageError(
      'ewc-samples',
      `The Fisher needs at least 1 sample; ${settings.samples} were asked for.`,
    )
  }
  if (!(settings.fisherBatch >= 1)) {
    throw new UsageError(
      'ewc-samples',
      `The Fisher's batch must hold at least 1 sample; ${settings.fisherBatch} was given.`,
    )
  }
}

type Asked = z.output<typeof schema> & { readonly gamma?: number }

const create =
  (online: boolean) =>
  ({ fisherSamples, ewcStep, fisher, ...others }: Asked): Method =>
    ewc({
      ...others,
      ...(fisher && { fisher }),
      online,
      step: ewcStep,
      ...(fisherSamples === undefined ? {} : { samples: fisherSamples }),
    })

export const ewcEntry = methodEntry({
  name: 'ewc',
  summary: 'elastic weight consolidation, one Fisher a task (Kirkpatrick et al. 2017)',
  needs: 'no',
  keeps: 'two tensors a parameter',
  helps: 'tasks that are told apart at test time, slow drift',
  options: schema,
  create: create(false),
})

export const onlineEwcEntry = methodEntry({
  name: 'online-ewc',
  summary: 'EWC with one running Fisher (Schwarz et al. 2018)',
  needs: 'no',
  keeps: 'two tensors a parameter',
  helps: 'the same, long streams',
  options: onlineSchema,
  create: create(true),
})
