import { UsageError } from '../errors.ts'
import { add, div, mul, scalar, scale, sub, type Value } from '../ops/core/index.ts'
import { present, required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { MethodState, StepContext, StepTerms } from './method.ts'

/** How a quadratic penalty acts on the parameters. */
export type PenaltyStep = 'explicit' | 'proximal'

/**
 * The penalty 1/2 sum_i A_i (theta_i - anchor_i)^2 that EWC, online EWC, SI, MAS and L2-SP share. A sum of such
 * penalties over past tasks is one of them again, plus a constant, so two tensors a parameter hold any number of tasks:
 * A = sum_k A_k, anchor = sum_k A_k theta*_k / A.
 *
 * Its gradient A (theta - anchor) is emitted in closed form: two passes over the parameters. Written as A theta - B it
 * would cancel to noise where A is large.
 *
 * 'proximal' takes the closed-form step theta <- (theta' + lr A anchor) / (1 + lr A) after the optimiser's update theta'
 * of the loss alone, which is stable however large A is; the explicit step diverges where lr A > 2.
 */
export function quadraticPenalty(context: StepContext, step: PenaltyStep, constant: number): StepTerms {
  const { step: emit, outer, inputs, initial } = context
  const held = [...context.parameters.keys()].filter((name) => inputs.has(`penalty/${name}`))
  const offered = withoutPrefix(inputs, 'penalty/')
  if (held.length === 0 && offered.size > 0) throw strangers(offered, context.parameters)
  const pair = (name: string): [Value, Value] | undefined => {
    const strength = inputs.get(`penalty/${name}`)
    return strength && [strength, required(inputs, `anchor/${name}`, 'input')]
  }
  const parts = held.map((name) => {
    const [strength, anchor] = present(pair(name), `the penalty of ${name}`)
    const parameter = required(initial, name, 'parameter')
    const distance = sub(outer, parameter, anchor)
    return outer.op('ReduceSum', [mul(outer, strength, mul(outer, distance, distance))], { keepdims: 0 })
  })
  const total = parts.reduce<Value | undefined>(
    (sum, part) => (sum ? add(outer, sum, part) : part),
    undefined,
  )
  const reports = total
    ? [{ name: 'penalty', value: add(outer, scale(outer, total, 0.5), scalar(outer, constant, total)) }]
    : []
  if (step === 'proximal') {
    return {
      reports,
      updated: (name, parameter) => {
        const penalty = pair(name)
        if (!penalty) return parameter
        const [strength, anchor] = penalty
        const pull = mul(emit, strength, context.learningRate)
        return div(
          emit,
          add(emit, parameter, mul(emit, pull, anchor)),
          add(emit, pull, scalar(emit, 1, pull)),
        )
      },
    }
  }
  return {
    reports,
    gradients: (gradients) =>
      new Map(
        [...gradients].map(([name, gradient]) => {
          const penalty = pair(name)
          if (!penalty) return [name, gradient]
          const [strength, anchor] = penalty
          const parameter = required(context.parameters, name, 'parameter')
          return [name, add(emit, gradient, mul(emit, strength, sub(emit, parameter, anchor)))]
        }),
      ),
  }
}

type Names = Pick<ReadonlyMap<string, unknown>, 'keys'>

/** A penalty on parameters that are not there would be no penalty, without a word. */
function strangers(held: Names, training: Names): UsageError {
  const some = (names: Names) =>
    [...names.keys()]
      .slice(0, 3)
      .map((name) => `"${name}"`)
      .join(', ') || 'none'
  return new UsageError(
    'penalty-names',
    `The penalty holds the parameters ${some(held)}, but those that train are ${some(training)}: it would hold nothing. Give the importance (the Fisher) of the model that is trained.`,
  )
}

/**
 * The tensors that {@link quadraticPenalty} reads: importance times lambda, and the anchor. None where lambda is 0: the step is then
 * the plain one, to the last bit.
 */
export function penaltyInputs(state: MethodState, lambda: number): ReadonlyMap<string, Tensor> {
  const inputs = new Map<string, Tensor>()
  if (lambda === 0) return inputs
  for (const [key, tensor] of state.tensors) {
    const [kind, ...rest] = key.split('/')
    const name = rest.join('/')
    if (kind === 'importance') inputs.set(`penalty/${name}`, scaled(tensor, lambda))
    if (kind === 'anchor') inputs.set(key, tensor)
  }
  return inputs
}

function scaled(tensor: Tensor, factor: number): Tensor {
  const values = tensor.data as Float32Array
  return { type: 'float32', dims: tensor.dims, data: values.map((value) => value * factor) }
}

/**
 * Adds one more quadratic with importance F_k at theta*_k to the sum so far: A' = decay A + F_k, anchor' = (decay A
 * anchor + F_k theta*_k) / A', or the newest theta*_k where `latestAnchor` says so (online EWC). Where A' is 0 the
 * anchor does not matter and is theta*_k.
 *
 * Returns the constant that completing the square leaves behind, so that the penalty's value stays that of the
 * definition.
 */
export function mergeQuadratic(
  state: MethodState,
  importance: ReadonlyMap<string, Tensor>,
  parameters: ReadonlyMap<string, Tensor>,
  options: { readonly decay: number; readonly latestAnchor: boolean },
): { tensors: Map<string, Tensor>; constant: number } {
  const tensors = new Map<string, Tensor>()
  let constant = 0
  if (![...importance.keys()].some((name) => parameters.has(name))) throw strangers(importance, parameters)
  for (const [name, fresh] of importance) {
    const latest = parameters.get(name)
    // Importance of the whole model may be given where some of it trains.
    if (!latest) continue
    const oldStrength = state.tensors.get(`importance/${name}`)
    const oldAnchor = state.tensors.get(`anchor/${name}`)
    const merged = mergeOne(
      { strength: floats(oldStrength), anchor: floats(oldAnchor) },
      { strength: floats(fresh) ?? new Float32Array(), anchor: floats(latest) ?? new Float32Array() },
      options,
    )
    constant += merged.constant
    tensors.set(`importance/${name}`, { type: 'float32', dims: fresh.dims, data: merged.strength })
    tensors.set(`anchor/${name}`, { type: 'float32', dims: fresh.dims, data: merged.anchor })
  }
  return { tensors, constant }
}

const floats = (tensor: Tensor | undefined): Float32Array | undefined =>
  tensor === undefined
    ? undefined
    : tensor.data instanceof Float32Array
      ? tensor.data
      : Float32Array.from(toNumbers(tensor))

function mergeOne(
  old: { readonly strength: Float32Array | undefined; readonly anchor: Float32Array | undefined },
  fresh: { readonly strength: Float32Array; readonly anchor: Float32Array },
  { decay, latestAnchor }: { readonly decay: number; readonly latestAnchor: boolean },
): { strength: Float32Array; anchor: Float32Array; constant: number } {
  const size = fresh.strength.length
  const strength = new Float32Array(size)
  const anchor = new Float32Array(size)
  let constant = 0
  for (let index = 0; index < size; index++) {
    const before = decay * (old.strength?.[index] ?? 0)
    const added = fresh.strength[index] ?? 0
    const here = fresh.anchor[index] ?? 0
    const there = old.anchor?.[index] ?? here
    const sum = before + added
    strength[index] = sum
    if (latestAnchor || sum === 0) {
      anchor[index] = here
      continue
    }
    anchor[index] = (before * there + added * here) / sum
    // a (t - x)^2 + b (t - y)^2 = (a + b)(t - m)^2 + a b / (a + b) (x - y)^2
    constant += ((before * added) / sum) * (there - here) ** 2
  }
  return { strength, anchor, constant: constant / 2 }
}
