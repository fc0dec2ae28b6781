import { UnsupportedOpError } from '../../errors.ts'
import { float } from '../../onnx/graph.ts'
import {
  type AttributeReader,
  type Emitter,
  indicator,
  mul,
  nodeLabel,
  scalar,
  scale,
  square,
  sub,
  type Value,
} from '../core/index.ts'

/** An activation of a recurrent op, with its derivative written in terms of what it gave. */
export interface Activation {
  readonly of: (emit: Emitter, x: Value) => Value
  /** `factor` times dy/dx. */
  readonly slope: (emit: Emitter, y: Value, factor: Value) => Value
}

/** By the letters of the specification: f of the gates, g of the candidate, h of an LSTM's output. */
export interface Activations {
  readonly f: Activation
  readonly g: Activation
  readonly h: Activation
}

type Numbers = readonly [alpha: number | undefined, beta: number | undefined]

const plain: Readonly<Record<string, Activation>> = {
  /** y' = y (1 - y) */
  sigmoid: {
    of: (emit, x) => emit.op('Sigmoid', [x]),
    slope: (emit, y, factor) => mul(emit, mul(emit, factor, y), sub(emit, scalar(emit, 1, y), y)),
  },
  /** y' = 1 - y^2 */
  tanh: {
    of: (emit, x) => emit.op('Tanh', [x]),
    slope: (emit, y, factor) => mul(emit, factor, sub(emit, scalar(emit, 1, y), square(emit, y))),
  },
  /** y' = 1 where y > 0 */
  relu: {
    of: (emit, x) => emit.op('Relu', [x]),
    slope: (emit, y, factor) =>
      mul(emit, factor, indicator(emit, emit.op('Greater', [y, scalar(emit, 0, y)]), y)),
  },
}

/** y = min(max(alpha x + beta, 0), 1): y' = alpha where 0 < y < 1 */
const hardSigmoid = ([alpha = 0.2, beta = 0.5]: Numbers): Activation => ({
  of: (emit, x) => emit.op('HardSigmoid', [x], { alpha: float(alpha), beta: float(beta) }),
  slope: (emit, y, factor) => {
    const inside = emit.op('And', [
      emit.op('Greater', [y, scalar(emit, 0, y)]),
      emit.op('Less', [y, scalar(emit, 1, y)]),
    ])
    return mul(emit, scale(emit, factor, alpha), indicator(emit, inside, y))
  },
})

/**
 * The activations of one direction. Those that the op does not have are that of its gates.
 *
 * @param defaults those of the op; their names do not count capitals, as in the runtime
 * @throws UnsupportedOpError `activation-unknown` for one without a gradient here
 */
export function activationsOf(
  context: { readonly op: string; readonly name: string; readonly attributes: AttributeReader },
  direction: number,
  defaults: readonly string[],
): Activations {
  const { attributes } = context
  const names = attributes.strings('activations') ?? []
  const isHard = (name: string | undefined) => name?.toLowerCase() === 'hardsigmoid'
  // The lists of alphas and betas have a number for each activation that takes one; of those here, HardSigmoid alone.
  const numbers = (place: number): Numbers => {
    const at = names.slice(0, place).filter(isHard).length
    return [attributes.floats('activation_alpha')?.[at], attributes.floats('activation_beta')?.[at]]
  }
  const at = (index: number): Activation => {
    const place = direction * defaults.length + index
    const name = names[place] ?? defaults[index] ?? ''
    const found = isHard(name) ? hardSigmoid(numbers(place)) : plain[name.toLowerCase()]
    if (found) return found
    throw new UnsupportedOpError(
      'activation-unknown',
      `${nodeLabel(context)}: a gradient has to pass the activation ${name}, and Holdfast knows only those of Sigmoid, HardSigmoid, Tanh and Relu in recurrent ops. Freeze the parameters before and in this node.`,
    )
  }
  const place = (index: number) => (index < defaults.length ? index : 0)
  return { f: at(0), g: at(place(1)), h: at(place(2)) }
}
