import { z } from 'zod'
import { kindOf, samples } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import type { ConsolidateContext, Method } from './method.ts'
import { mergeQuadratic, penaltyInputs, quadraticPenalty } from './quadratic.ts'
import { searched } from './search.ts'
import { sensitivity } from './sensitivity.ts'

const options = z.strictObject({
  strength: z
    .number()
    .min(0)
    .default(1)
    .describe('strength of the penalty, lambda in the paper')
    .meta({ ...inUpdates('penalty'), ...searched(0.01, 1000) }),
  sensitivitySamples: z
    .int()
    .min(1)
    .optional()
    .describe('rows that the importance is estimated on, at random; default all'),
})

export type MasOptions = z.input<typeof options>

/**
 * Memory aware synapses (Aljundi et al. 2018, ECCV): a parameter is held by how much it moves what the model says. At a
 * task's end Omega_i += 1/N sum_n |d |f(x_n)|^2 / d theta_i|, f the logits of the task's units, and the loss of later tasks
 * has strength * sum_i Omega_i (theta_i - theta*_i)^2 added, theta* the parameters of the last task's end. It asks for rows
 * but for no labels.
 *
 * @throws UsageError `method-option` for values that make no sense; at a task's end `mas-tokens` for rows with a label a token.
 * @example
 * const method = mas({ strength: 1 })
 */
export function mas(given: MasOptions = {}): Method {
  const settings = settle('mas', options, given)
  return {
    name: 'mas',
    settings: { ...settings, sensitivitySamples: settings.sensitivitySamples ?? null },
    past: 'rows',
    needsBorders: `It estimates what weights are worth, and anchors them, when a task ends. ${ONLINE_MEMORY}`,
    // The shared penalty is 1/2 A d^2.
    inputs: (state) => penaltyInputs(state, 2 * settings.strength),
    terms: (context) => quadraticPenalty(context, 'explicit', 0),
    consolidate: async (state, context) => {
      const importance = await sensitivity({
        ...context,
        dataset: context.train,
        rows: chosenRows(context, settings.sensitivitySamples),
        units: context.active,
      })
      const { tensors } = mergeQuadratic(state, importance, context.parameters, {
        decay: 1,
        latestAnchor: true,
      })
      return { state: { tensors, values: {} } }
    },
  }
}

function chosenRows({ train, random }: ConsolidateContext, most: number | undefined): Int32Array {
  if (kindOf(train) === 'token-classification') {
    throw new UsageError(
      'mas-tokens',
      `MAS asks how much a row's answer moves, but rows of "${train.name}" have an answer at each token, padding included. Take ewc, whose Fisher is over the tokens that count, or l2-sp.`,
    )
  }
  const count = samples(train)
  if (most === undefined || most >= count) return Int32Array.from({ length: count }, (_, row) => row)
  return random('sensitivity').choose(count, most)
}

export const masEntry = methodEntry({
  name: 'mas',
  summary:
    'memory aware synapses: importance by what moves the answers, without labels (Aljundi et al. 2018)',
  needs: 'no',
  keeps: 'two tensors a parameter',
  helps: 'what EWC helps with, where rows have no labels',
  options,
  create: mas,
})
