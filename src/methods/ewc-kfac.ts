import { z } from 'zod'
import { samples as countSamples } from '../data/dataset.ts'
import { add, scale } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { fisherDiagonal, kroneckerFactors } from './fisher/index.ts'
import { factorInputs, type Held, heldLayers, keyOf, pulled } from './kronecker-penalty.ts'
import type { ConsolidateContext, Json, Method, MethodState } from './method.ts'
import { mergeQuadratic, penaltyInputs, quadraticPenalty } from './quadratic.ts'
import { searched } from './search.ts'

const options = z.strictObject({
  lambda: z
    .number()
    .min(0)
    .default(1000)
    .describe('strength of the penalty, lambda/2 in the loss')
    .meta({ ...inUpdates('penalty'), ...searched(1, 1e10) }),
  fisherSamples: z.int().min(1).optional().describe('samples that the Fisher is estimated on; default all'),
})

export type EwcKfacOptions = z.input<typeof options>

/**
 * EWC with Kronecker factors (Ritter, Botev & Barber 2018, NeurIPS): weights of one linear layer are held together, not each by itself. With
 * D = (W b) - (W* b*), A = 1/N sum x x^T over the layer's inputs (1 behind them for the bias) and G = 1/N sum_n sum_c p_c g g^T over the
 * gradients at its outputs,
 *
 *     loss + lambda/2 sum_k sum_layers <D, G D A>
 *
 * for each past task k. Parameters of other layers (convolutions, norms, what sees tokens) are held by the Fisher's diagonal, as in EWC.
 *
 * @throws UsageError `method-option`; at a task's end `fisher-targets` for rows without one class each.
 * @example
 * const method = ewcKfac({ lambda: 100 })
 */
export function ewcKfac(given: EwcKfacOptions = {}): Method {
  const settings = settle('ewc-kfac', options, given)
  const { lambda } = settings
  return {
    name: 'ewc-kfac',
    settings: { ...settings, fisherSamples: settings.fisherSamples ?? null },
    past: 'rows',
    needsBorders: `It estimates what weights are worth, and anchors them, when a task ends. ${ONLINE_MEMORY}`,
    inputs: (state) => new Map([...penaltyInputs(state, lambda), ...factorInputs(state, lambda)]),
    terms: (context, state) => {
      const { outer, step, parameters, initial, inputs } = context
      const layers = lambda === 0 ? [] : heldLayers(state)
      const diagonal = quadraticPenalty(context, 'explicit', lambda * Number(state.values.constant ?? 0))
      const [first, ...rest] = layers.map(
        (layer) => pulled(outer, layer, { parameters: initial, inputs }).value,
      )
      const value = first && rest.reduce((sum, one) => add(outer, sum, one), first)
      return {
        reports: [
          ...(value ? [{ name: 'penalty', value: scale(outer, value, 0.5) }] : []),
          ...(diagonal.reports ?? []).map((report) => ({ ...report, name: 'diagonal-penalty' })),
        ],
        gradients: (found) => {
          const next = new Map(diagonal.gradients?.(found) ?? found)
          for (const layer of layers) {
            for (const [name, pull] of pulled(step, layer, { parameters, inputs }).gradients) {
              next.set(name, add(step, required(next, name, 'gradient'), pull))
            }
          }
          return next
        },
      }
    },
    consolidate: async (state, context) => ({
      state: await remembered(state, context, settings.fisherSamples),
    }),
  }
}

async function remembered(
  state: MethodState,
  context: ConsolidateContext,
  asked: number | undefined,
): Promise<MethodState> {
  const { engine, model, parameters, buffers, train, active, index, random } = context
  const samples = asked === undefined ? {} : { samples: Math.min(asked, countSamples(train)) }
  const estimated = { engine, model, parameters, buffers, dataset: train, units: active, ...samples }
  const factors = await kroneckerFactors({ ...estimated, random: random('fisher') })
  const layers = factors.map(
    ({ layer: { weight, bias, layout, input, output } }): Held => ({
      weight,
      bias,
      layout,
      input,
      output,
      task: index,
    }),
  )
  const kept = new Map([...state.tensors].filter(([key]) => key.startsWith('kronecker/')))
  for (const [at, layer] of layers.entries()) {
    const { inputs, gradients } = itemAt(factors, at, 'layer')
    kept.set(keyOf('inputs', layer), inputs).set(keyOf('gradients', layer), gradients)
    kept.set(keyOf('weight', layer), required(parameters, layer.weight, 'parameter'))
    if (layer.bias !== undefined)
      kept.set(keyOf('bias', layer), required(parameters, layer.bias, 'parameter'))
  }
  const held = new Set(layers.flatMap(({ weight, bias }) => [weight, bias]))
  const rest = new Map([...parameters].filter(([name]) => !held.has(name)))
  const values = { layers: [...heldLayers(state), ...layers] as unknown as Json }
  if (rest.size === 0) return { tensors: kept, values }
  const diagonal =
    context.fisher ?? (await fisherDiagonal({ ...estimated, random: random('diagonal') })).diagonal
  const merged = mergeQuadratic(state, diagonal, rest, { decay: 1, latestAnchor: false })
  const constant = Number(state.values.constant ?? 0) + merged.constant
  return { tensors: new Map([...kept, ...merged.tensors]), values: { ...values, constant } }
}

export const ewcKfacEntry = methodEntry({
  name: 'ewc-kfac',
  summary: 'EWC with Kronecker factors: the weights of a layer held together (Ritter et al. 2018)',
  needs: 'no',
  keeps: 'two square matrices a layer and a copy of the parameters, a task',
  helps: 'what EWC helps with, where weights of a layer act together',
  options,
  create: ewcKfac,
})
