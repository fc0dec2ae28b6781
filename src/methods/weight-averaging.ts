import { z } from 'zod'
import { add, div, mul, scalar, scale, sub, type Value } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { methodEntry, settle } from './entry.ts'
import type { Method, StepContext, StepDone } from './method.ts'
import { searched } from './search.ts'

const emaOptions = z.strictObject({
  decay: z
    .number()
    .min(0)
    .lt(1)
    .default(0.99)
    .describe(
      'what the average of the weights is multiplied by at each step, beside 1 less that of the new weights',
    )
    .meta(searched(0.9, 0.999, 'below-one')),
})
const swaOptions = z.strictObject({
  averageFrom: z
    .number()
    .min(0)
    .lt(1)
    .default(0.75)
    .describe('share of a task’s steps after which weights are averaged')
    .meta(searched(0.25, 0.95, 'linear')),
})

export type EmaOptions = z.input<typeof emaOptions>
export type SwaOptions = z.input<typeof swaOptions>

/**
 * An exponential moving average of the weights (Polyak & Juditsky 1992; in deep learning Tarvainen & Valpola 2017): with theta' the weights
 * after a step, a <- d a + (1 - d) theta', and a task ends with a. It begins with the weights that the task begins with, so what the model
 * knew before stays in it by d^steps. Running statistics of batch norms are averaged alike.
 *
 * @throws UsageError `method-option` for values that make no sense.
 * @example
 * const method = compose(ema({ decay: 0.99 }), replay({ perClass: 20 }))
 */
export function ema(given: EmaOptions = {}): Method {
  const { decay } = settle('ema', emaOptions, given)
  return averaging('ema', { decay }, ({ step }, average, value) =>
    add(step, scale(step, average, decay), scale(step, value, 1 - decay)),
  )
}

/**
 * Stochastic weight averaging (Izmailov et al. 2018, UAI): a task ends with the mean of the weights after each of its last steps, those
 * from `averageFrom` on. Running statistics of batch norms are averaged alike; the paper takes them anew by a pass over the data. A task
 * that is stopped before ends with its last weights.
 *
 * @throws UsageError `method-option` for values that make no sense.
 * @example
 * const method = compose(swa({ averageFrom: 0.5 }), replay({ perClass: 20 }))
 */
export function swa(given: SwaOptions = {}): Method {
  const settings = settle('swa', swaOptions, given)
  return averaging('swa', settings, (context, average, value) => {
    // (1 - 1/n) a + theta / n, n the number of weights averaged; before the first it is the latest.
    const { step } = context
    const count = counted(context, settings.averageFrom)
    const share = div(step, scalar(step, 1, count), step.op('Max', [count, scalar(step, 1, count)]))
    const rest = sub(step, scalar(step, 1, share), share)
    return add(step, mul(step, rest, average), mul(step, share, value))
  })
}

const STEPS = 'steps'
const AVERAGE = 'average/'

/** How many of the steps to average over are done, this one included. */
function counted({ step, slots, iterations }: StepContext, from: number): Value {
  const before = required(slots, STEPS, 'slot')
  return sub(step, before, scalar(step, Math.floor(from * iterations) - 1, before))
}

function averaging(
  name: 'ema' | 'swa',
  settings: Method['settings'],
  next: (context: StepContext, average: Value, value: Value) => Value,
): Method {
  return {
    name,
    settings,
    past: 'nothing',
    needsBorders: `A task ends with its average, and without ends there is none. ${ONLINE_MEMORY}`,
    corrects: true,
    slots: ({ parameters, buffers }) =>
      new Map<string, Tensor>([
        [STEPS, float32([])],
        ...[...parameters, ...buffers].map(([key, tensor]) => [`${AVERAGE}${key}`, tensor] as const),
      ]),
    terms: (context) => ({ slots: (done) => averaged(context, done, next) }),
    consolidate: async (state, { trace, parameters, buffers }) => {
      const averages = withoutPrefix(trace?.slots ?? new Map<string, Tensor>(), AVERAGE)
      const of = (weights: ReadonlyMap<string, Tensor>) =>
        new Map([...weights.keys()].map((key) => [key, required(averages, key, 'average')]))
      return averages.size === 0 ? { state } : { state, parameters: of(parameters), buffers: of(buffers) }
    },
    refuses: (other) =>
      other.name === 'ema' || other.name === 'swa'
        ? 'A task ends with one average of its weights: name ema or swa once.'
        : undefined,
  }
}

function averaged(
  context: StepContext,
  { parameters, buffers }: StepDone,
  next: (context: StepContext, average: Value, value: Value) => Value,
): ReadonlyMap<string, Value> {
  const { step, slots } = context
  const before = required(slots, STEPS, 'slot')
  return new Map([
    [STEPS, add(step, before, scalar(step, 1, before))],
    ...[...parameters, ...buffers].map(([name, value]) => {
      const key = `${AVERAGE}${name}`
      return [key, next(context, required(slots, key, 'slot'), value)] as const
    }),
  ])
}

const told = {
  needs: 'no',
  keeps: 'nothing',
  alone: 'ends with an average of the task’s weights',
}

export const emaEntry = methodEntry({
  ...{ name: 'ema', ...told, options: emaOptions, create: ema },
  summary: 'a task ends with the moving average of its weights (Polyak & Juditsky 1992)',
  helps: 'beside any method: less noise of the last steps, and what was known before stays in part',
})

export const swaEntry = methodEntry({
  ...{ name: 'swa', ...told, options: swaOptions, create: swa },
  summary: 'a task ends with the mean of its last weights (Izmailov et al. 2018)',
  helps: 'beside any method, at a high learning rate: flat minima for a copy of the weights',
})
