import { z } from 'zod'
import { add, scalar } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { float32 } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { methodEntry, settle } from './entry.ts'
import type { Method } from './method.ts'
import { searched } from './search.ts'

const options = z.strictObject({
  probingShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe('share of a task’s steps that train the head alone, before all trains')
    .meta(searched(0.05, 0.5, 'linear')),
})

export type LpFtOptions = z.input<typeof options>

const STEPS = 'steps'

/**
 * Linear probing, then fine-tuning (LP-FT: Kumar et al. 2022, ICLR, arXiv 2202.10054): in the first steps of a task only the head moves,
 * then everything. A head that fits the features as they are has small gradients to hand down, so the body is distorted less. While the
 * head alone moves running statistics of batch norms stay, too; the optimiser's moments of the body are those of the gradients that it
 * sees.
 *
 * @throws UsageError `method-option`; when a task begins ModelError `head-missing`, `head-tied`.
 * @example
 * const method = compose(lpft({ probingShare: 0.2 }), replay({ perClass: 20 }))
 */
export function lpft(given: LpFtOptions = {}): Method {
  const settings = settle('lp-ft', options, given)
  return {
    name: 'lp-ft',
    settings,
    past: 'nothing',
    needsBorders: `It trains the head alone in the first steps of each task. ${ONLINE_MEMORY}`,
    slots: () => new Map([[STEPS, float32([])]]),
    terms: ({ step, slots, parameters, buffers, iterations, head }) => {
      const { weight, bias } = head()
      const done = required(slots, STEPS, 'slot')
      const probing = Math.round(settings.probingShare * iterations)
      const all = step.op('GreaterOrEqual', [done, scalar(step, probing, done)])
      return {
        updated: (name, parameter) =>
          name === weight || name === bias
            ? parameter
            : step.op('Where', [all, parameter, required(parameters, name, 'parameter')]),
        moved: (name, buffer) => step.op('Where', [all, buffer, required(buffers, name, 'buffer')]),
        slots: () => new Map([[STEPS, add(step, done, scalar(step, 1, done))]]),
      }
    },
    refuses: ({ name }) => (name === 'lp-ft' ? 'The head is probed once: name lp-ft once.' : undefined),
  }
}

export const lpftEntry = methodEntry({
  name: 'lp-ft',
  summary: 'the head alone first, then everything (Kumar et al. 2022)',
  needs: 'no',
  keeps: 'nothing',
  alone: 'trains the head alone in the first steps',
  helps: 'new classes, and features that should stay what they are; beside any other method',
  options,
  create: lpft,
})
