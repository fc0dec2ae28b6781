import { z } from 'zod'
import { randomStream } from '../tensor/random.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { methodEntry, settle } from './entry.ts'
import { hiddenUnits, unitFactors, withFactors } from './hidden-units.ts'
import type { Method } from './method.ts'
import { searched } from './search.ts'
import { refuseUntold } from './told-task.ts'

const options = z.strictObject({
  gated: z
    .number()
    .min(0)
    .lt(1)
    .default(0.8)
    .describe('share of each hidden layer’s units that a task does without')
    .meta(searched(0.3, 0.95, 'linear')),
  gateSeed: z.int().min(0).default(0).describe('which units these are: another number draws others'),
})

export type XdgOptions = z.input<typeof options>

/**
 * Context-dependent gating (XdG: Masse, Grant & Freedman 2018, PNAS): for each task a random part of every hidden layer's units is held at
 * 0, in training and when the task is answered. Tasks then share few weights: of two tasks (1 - gated)^2 of a layer's units. The task of
 * each row has to be told.
 *
 * @throws UsageError `method-option`; when a run begins `xdg-scenario` where tasks are not told, `hidden-units` for a model without
 * activations.
 * @example
 * const method = compose(xdg({ gated: 0.8 }), si({ strength: 1 }))
 */
export function xdg(given: XdgOptions = {}): Method {
  const settings = settle('xdg', options, given)
  const { gated, gateSeed } = settings
  return {
    name: 'xdg',
    settings,
    past: 'nothing',
    needsBorders: `It has units for each task, told when it is learned and when it is answered. ${ONLINE_MEMORY}`,
    prepare: (model, task) => {
      refuseUntold('xdg', task)
      const gates = hiddenUnits(model).map((layer) => {
        const open = Math.max(1, Math.round((1 - gated) * layer.units))
        const random = randomStream(gateSeed, `xdg/${task.index}/${layer.value}`)
        return [layer.value, unitFactors(layer, random.choose(layer.units, open))] as const
      })
      return { ...model, graph: withFactors(model.graph, new Map(gates)) }
    },
    refuses: ({ name }) => (name === 'xdg' ? 'Units are gated once: name xdg once.' : undefined),
  }
}

export const xdgEntry = methodEntry({
  name: 'xdg',
  summary: 'a random part of each hidden layer for each task (Masse et al. 2018)',
  needs: 'no',
  keeps: 'nothing',
  alone: 'trains with the units that its gates leave',
  helps: 'tasks that are told, beside a penalty: they share few weights',
  options,
  create: xdg,
})
