import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { mul, sub } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import type { ConsolidateContext, Method, MethodState, StepContext, StepDone } from './method.ts'
import { mergeQuadratic, penaltyInputs, quadraticPenalty } from './quadratic.ts'
import { searched } from './search.ts'

const options = z.strictObject({
  strength: z
    .number()
    .min(0)
    .default(1)
    .describe('strength of the penalty, c in the paper')
    .meta({ ...inUpdates('penalty'), ...searched(0.01, 1000) }),
  damping: z.number().gt(0).default(0.1).describe('added to the squared way of a parameter, xi in the paper'),
})

export type SiOptions = z.input<typeof options>

/**
 * Synaptic intelligence (Zenke, Poole & Ganguli 2017, ICML): what each parameter did for the loss along the way is what
 * it is held by. Within a task omega_i += -g_i (theta_i' - theta_i) at every step, g the gradient of the loss without the
 * penalty; at its end Omega_i += omega_i / (Delta_i^2 + damping), Delta_i the whole way of the task. The loss of later
 * tasks has strength * sum_i Omega_i (theta_i - theta*_i)^2 added, theta* the parameters of the last task's end.
 *
 * @throws UsageError `method-option` for values that make no sense; at a task's end `si-path` for a task that was learned
 * elsewhere, of which nobody knows the way.
 * @example
 * const method = si({ strength: 0.5 })
 */
export function si(given: SiOptions = {}): Method {
  const settings = settle('si', options, given)
  return {
    name: 'si',
    settings,
    past: 'training',
    needsBorders: `It adds up what weights did for a task, and anchors them when it ends. ${ONLINE_MEMORY}`,
    oneStream:
      'Its importance is a sum along the path that the weights take, and the mean of several ends is on none of their paths.',
    // The shared penalty is 1/2 A d^2.
    inputs: (state) => penaltyInputs(state, 2 * settings.strength),
    slots: ({ parameters }) =>
      new Map([...parameters].map(([name, { dims }]) => [`path/${name}`, float32(dims)])),
    terms: (context) => ({
      ...quadraticPenalty(context, 'explicit', 0),
      slots: (done) => longerPath(context, done),
    }),
    consolidate: async (state, context) => {
      const importance = importanceOf(state, context, settings.damping)
      const { tensors } = mergeQuadratic(state, importance, context.parameters, {
        decay: 1,
        latestAnchor: true,
      })
      return { state: { tensors, values: {} } }
    },
  }
}

/** omega - g (theta' - theta) */
function longerPath({ step, parameters, slots }: StepContext, done: StepDone) {
  return new Map(
    [...parameters].map(([name, before]) => {
      const key = `path/${name}`
      const way = sub(step, required(done.parameters, name, 'parameter'), before)
      const gain = mul(step, required(done.gradients, name, 'gradient'), way)
      return [key, sub(step, required(slots, key, 'slot'), gain)]
    }),
  )
}

/** omega / (Delta^2 + damping) of the task that has ended. */
function importanceOf(
  state: MethodState,
  { trace, model, parameters }: ConsolidateContext,
  damping: number,
): Map<string, Tensor> {
  if (!trace) {
    throw new UsageError(
      'si-path',
      'SI holds parameters by the way they took while the old was learned, and of a model that was trained elsewhere nobody knows it. Take ewc, whose Fisher is estimated on old rows, or l2-sp.',
    )
  }
  return new Map(
    [...parameters].map(([name, { dims, data }]) => {
      const path = required(trace.slots, `path/${name}`, 'slot').data as Float32Array
      // Where no task has ended yet, the way began at the model's own parameters.
      const start = state.tensors.get(`anchor/${name}`) ?? required(model.parameters, name, 'parameter')
      const from = start.data as Float32Array
      const to = data as Float32Array
      const values = path.map((gain, at) => gain / ((Number(to[at]) - Number(from[at])) ** 2 + damping))
      return [name, float32(dims, values)]
    }),
  )
}

export const siEntry = methodEntry({
  name: 'si',
  summary: 'synaptic intelligence: importance from the way of training (Zenke et al. 2017)',
  needs: 'no',
  keeps: 'two tensors a parameter',
  helps: 'what EWC helps with, without a pass over the data at a task’s end',
  options,
  create: si,
})
