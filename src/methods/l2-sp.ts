import { z } from 'zod'
import { float32 } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import type { Method } from './method.ts'
import { mergeQuadratic, penaltyInputs, quadraticPenalty } from './quadratic.ts'
import { searched } from './search.ts'

const options = z.strictObject({
  lambda: z
    .number()
    .min(0)
    .default(0.01)
    .describe('strength of the penalty, lambda/2 in the loss')
    .meta({ ...inUpdates('penalty'), ...searched(1e-4, 10) }),
})

export type L2spOptions = z.input<typeof options>

/**
 * L2-SP (Li, Grandvalet & Davoine 2018, ICML): loss + lambda/2 sum_i (theta_i - theta*_i)^2, theta* the parameters as the
 * last task left them. Every parameter is held alike; it needs no data.
 *
 * @throws UsageError `method-option` for a negative lambda.
 * @example
 * const method = l2sp({ lambda: 0.1 })
 */
export function l2sp(given: L2spOptions = {}): Method {
  const { lambda } = settle('l2-sp', options, given)
  return {
    name: 'l2-sp',
    settings: { lambda },
    past: 'weights',
    needsBorders: `It anchors the weights where a task ends. ${ONLINE_MEMORY}`,
    inputs: (state) => penaltyInputs(state, lambda),
    terms: (context) => quadraticPenalty(context, 'explicit', 0),
    consolidate: async (_state, { parameters }) => {
      const alike = new Map(
        [...parameters].map(([name, { dims, data }]) => [
          name,
          float32(dims, new Float32Array(data.length).fill(1)),
        ]),
      )
      const merged = mergeQuadratic({ tensors: new Map(), values: {} }, alike, parameters, {
        decay: 1,
        latestAnchor: true,
      })
      return { state: { tensors: merged.tensors, values: {} } }
    },
  }
}

export const l2spEntry = methodEntry({
  name: 'l2-sp',
  summary: 'every weight held alike where the last task left it (Li et al. 2018)',
  needs: 'no',
  keeps: 'two tensors a parameter',
  helps: 'small changes of a model whose old data are gone: the cheap baseline',
  options,
  create: l2sp,
})
