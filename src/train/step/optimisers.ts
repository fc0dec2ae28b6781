import { UsageError } from '../../errors.ts'
import {
  add,
  dimOf,
  div,
  type Emitter,
  mul,
  neg,
  scalar,
  scale,
  square,
  sub,
  type Value,
} from '../../ops/core/index.ts'
import { addSparse, addWhole, fewRows, summedRows } from '../../ops/gather/index.ts'
import { inPieces } from './in-pieces.ts'

/** What an update rule works with: one parameter of one step. */
export interface Update {
  readonly parameter: Value
  readonly gradient: Value
  /** This parameter's slots, in the order of {@link Optimiser.slots}. */
  readonly slots: readonly Value[]
  /** This step's numbers, in the order that {@link Optimiser.scalars} gives them. */
  readonly scalars: readonly Value[]
}

/** An update rule as a graph fragment. The numbers that change from step to step go in as scalars. */
export interface Optimiser {
  readonly name: string
  readonly settings: Readonly<Record<string, number | string | boolean>>
  /** Names of the tensors it keeps a parameter, zero at the start. */
  readonly slots: readonly string[]
  /** The numbers of step `step` (counted from 1 over the whole run) at learning rate `rate`. The first is the rate. */
  readonly scalars: (step: number, rate: number) => readonly number[]
  readonly update: (
    emit: Emitter,
    update: Update,
  ) => { readonly parameter: Value; readonly slots: readonly Value[] }
}

function positive(owner: string, name: string, value: number, allowZero = true): void {
  if (Number.isFinite(value) && (allowZero ? value >= 0 : value > 0)) return
  throw new UsageError(
    'optimiser-setting',
    `${owner}'s ${name} must be ${allowZero ? '0 or more' : 'above 0'}; ${value} was given.`,
  )
}

export const part = <T>(values: readonly T[], index: number): T => {
  const value = values[index]
  if (value === undefined)
    throw new UsageError(
      'optimiser-slots',
      `An optimiser was given ${values.length} values where it keeps more.`,
    )
  return value
}

export interface SgdOptions {
  /** Default 0. */
  readonly momentum?: number
  /** Nesterov's look-ahead; needs momentum. Default false. */
  readonly nesterov?: boolean
}

/**
 * Stochastic gradient descent: b <- momentum b + g; theta <- theta - lr b, or theta - lr (g + momentum b) with Nesterov
 * (Sutskever et al. 2013, in PyTorch's form).
 *
 * @throws UsageError `optimiser-setting` for a momentum below 0, or Nesterov without momentum.
 * @example
 * const optimiser = sgd({ momentum: 0.9 })
 */
export function sgd({ momentum = 0, nesterov = false }: SgdOptions = {}): Optimiser {
  positive('SGD', 'momentum', momentum)
  if (nesterov && momentum === 0)
    throw new UsageError('optimiser-setting', 'Nesterov needs a momentum above 0.')
  return {
    name: 'sgd',
    settings: { momentum, nesterov },
    slots: momentum === 0 ? [] : ['momentum'],
    scalars: (_step, rate) => [rate],
    update: (emit, { parameter, gradient, slots, scalars }) => {
      const rate = part(scalars, 0)
      if (momentum === 0) return { parameter: descended(emit, parameter, gradient, rate), slots: [] }
      const velocity = addWhole(emit, scale(emit, part(slots, 0), momentum), gradient)
      const direction = nesterov ? addWhole(emit, scale(emit, velocity, momentum), gradient) : velocity
      return { parameter: sub(emit, parameter, mul(emit, direction, rate)), slots: [velocity] }
    },
  }
}

/** theta - lr g. Where g is zero but for a few rows, as of an embedding, the others are left as they are. */
function descended(emit: Emitter, parameter: Value, gradient: Value, rate: Value): Value {
  const few = fewRows(gradient)
  if (!few) return sub(emit, parameter, mul(emit, gradient, rate))
  return addSparse(emit, parameter, { ...few, values: mul(emit, few.values, neg(emit, rate)) })
}

/**
 * decay M + g and decay V + g^2. Where g is zero but for a few rows neither it nor its square is put together; the moments are the same,
 * since rows without a gradient decay as all do.
 */
function moments(
  emit: Emitter,
  gradient: Value,
  { first, second }: { readonly first: Value; readonly second: Value },
): readonly [Value, Value] {
  const few = fewRows(gradient)
  if (!few) return [add(emit, first, gradient), add(emit, second, square(emit, gradient))]
  const sums = summedRows(emit, few, dimOf(gradient, 0))
  return [
    addSparse(emit, first, sums),
    addSparse(emit, second, { ...sums, values: square(emit, sums.values) }),
  ]
}

export interface AdamOptions {
  /** Decay of the first moment. Default 0.9. */
  readonly beta1?: number
  /** Decay of the second moment. Default 0.999. */
  readonly beta2?: number
  /** Default 1e-8. */
  readonly epsilon?: number
}

/**
 * Adam (Kingma & Ba 2015), in PyTorch's form. The moments are kept unnormalised, M = m / (1 - beta1) and
 * V = v / (1 - beta2), which saves two passes over the parameters; their factors and the bias corrections go into the
 * step's scalars: theta <- theta - a M / (sqrt(V) + e).
 *
 * @throws UsageError `optimiser-setting` for decays outside 0..1 or an epsilon below 0.
 * @example
 * const optimiser = adam()
 */
export function adam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions = {}): Optimiser {
  for (const [name, value] of [
    ['beta1', beta1],
    ['beta2', beta2],
  ] as const) {
    if (!(value >= 0 && value < 1))
      throw new UsageError('optimiser-setting', `Adam's ${name} must lie in 0..1; ${value} was given.`)
  }
  positive('Adam', 'epsilon', epsilon)
  return {
    name: 'adam',
    settings: { beta1, beta2, epsilon },
    slots: ['first-moment', 'second-moment'],
    scalars: (step, rate) => {
      const root = Math.sqrt((1 - beta2 ** step) / (1 - beta2))
      return [rate, (rate * (1 - beta1) * root) / (1 - beta1 ** step), epsilon * root]
    },
    update: (emit, { parameter, gradient, slots, scalars }) => {
      const [first, second] = moments(emit, gradient, {
        first: scale(emit, part(slots, 0), beta1),
        second: scale(emit, part(slots, 1), beta2),
      })
      const [moved] = inPieces(emit, [parameter, first, second] as const, (to, [theta, m, v]) => {
        const denominator = add(to, to.op('Sqrt', [v]), part(scalars, 2))
        return [sub(to, theta, mul(to, div(to, m, denominator), part(scalars, 1)))] as const
      })
      return { parameter: moved, slots: [first, second] }
    },
  }
}

export interface RmspropOptions {
  /** Decay of the squared average. Default 0.99. */
  readonly alpha?: number
  /** Default 1e-8. */
  readonly epsilon?: number
  /** Default 0. */
  readonly momentum?: number
}

/**
 * RMSprop (Tieleman & Hinton 2012), in PyTorch's form: v <- alpha v + (1 - alpha) g^2; theta <- theta - lr g / (sqrt(v) +
 * epsilon), through a momentum buffer where one is asked for.
 *
 * @throws UsageError `optimiser-setting` for values out of range.
 * @example
 * const optimiser = rmsprop({ alpha: 0.99 })
 */
export function rmsprop({ alpha = 0.99, epsilon = 1e-8, momentum = 0 }: RmspropOptions = {}): Optimiser {
  if (!(alpha >= 0 && alpha < 1))
    throw new UsageError('optimiser-setting', `RMSprop's alpha must lie in 0..1; ${alpha} was given.`)
  positive('RMSprop', 'epsilon', epsilon)
  positive('RMSprop', 'momentum', momentum)
  return {
    name: 'rmsprop',
    settings: { alpha, epsilon, momentum },
    slots: momentum === 0 ? ['square'] : ['square', 'momentum'],
    scalars: (_step, rate) => [rate],
    update: (emit, { parameter, gradient, slots, scalars }) => {
      const rate = part(scalars, 0)
      const average = add(
        emit,
        scale(emit, part(slots, 0), alpha),
        scale(emit, square(emit, gradient), 1 - alpha),
      )
      const direction = div(
        emit,
        gradient,
        add(emit, emit.op('Sqrt', [average]), scalar(emit, epsilon, average)),
      )
      if (momentum === 0)
        return { parameter: sub(emit, parameter, mul(emit, direction, rate)), slots: [average] }
      const velocity = add(emit, scale(emit, part(slots, 1), momentum), direction)
      return { parameter: sub(emit, parameter, mul(emit, velocity, rate)), slots: [average, velocity] }
    },
  }
}
