import type { TensorType } from '../../tensor/tensor.ts'
import { outputSizes } from '../conv/index.ts'
import {
  add,
  cast,
  defineOp,
  div,
  type Emitter,
  type GradientContext,
  mul,
  type OpCase,
  required,
  rowsFirst,
  type ShapeContext,
  scalar,
  shapeError,
  type Value,
} from '../core/index.ts'
import { addToWindows } from './average-pool.ts'
import { poolAxes } from './pool-windows.ts'

const powerOf = (context: Pick<ShapeContext, 'attributes'>): number => context.attributes.int('p', 2)

/**
 * With y = (sum |x|^p)^(1/p), dx = sign(x) |x|^(p-1) times what each element's windows give of dy y^(1-p). A window of
 * zeros only, where the norm has a corner, gives 0.
 */
function normGradient(context: GradientContext, give: (weighted: Value) => Value): Value[] {
  const { emit } = context
  const x = required(context, 0)
  const [y] = context.outputs
  const [dy] = context.gradients
  if (!y || !dy) return []
  const p = powerOf(context)
  if (p === 1) return [mul(emit, emit.op('Sign', [x]), give(dy))]
  const isZero = cast(emit, emit.op('Equal', [y, scalar(emit, 0, y)]), y.type)
  const norm = add(emit, y, isZero)
  const weighted = div(emit, dy, p === 2 ? norm : emit.op('Pow', [norm, scalar(emit, p - 1, y)]))
  return [mul(emit, oddPower(emit, x, p - 1), give(weighted))]
}

/** sign(x) |x|^n */
function oddPower(emit: Emitter, x: Value, n: number): Value {
  if (n === 1) return x
  return mul(emit, emit.op('Sign', [x]), emit.op('Pow', [emit.op('Abs', [x]), scalar(emit, n, x)]))
}

/** Y[p] = the p-norm of the window p of X. ONNX Runtime's CPU has it in float32. */
export const LpPool = defineOp('LpPool', {
  shape: (context) => {
    const x = required(context, 0)
    return [{ type: x.type, dims: [...x.dims.slice(0, 2), ...outputSizes(poolAxes(context))] }]
  },
  gradient: (context) =>
    normGradient(context, (weighted) =>
      addToWindows(context.emit, weighted, required(context, 0), poolAxes(context), 1),
    ),
  rows: rowsFirst,
  cases: lpPoolCases(),
})

function globalShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  if (x.dims.length < 3) throw shapeError(context, 'the input needs samples, channels and a spatial dim.')
  return [{ type: x.type, dims: x.dims.map((dim, axis) => (axis < 2 ? dim : 1)) }]
}

/** Y = the p-norm over all positions. */
export const GlobalLpPool = defineOp('GlobalLpPool', {
  shape: globalShape,
  gradient: (context) => normGradient(context, (weighted) => weighted),
  rows: rowsFirst,
  cases: [1, 2, 3].flatMap((p) =>
    [[6], [3, 4], [2, 2, 3]].map((spatial) => ({
      name: `p ${p}, ${spatial.length} spatial dims`,
      inputs: [{ dims: [2, 2, ...spatial], distinct: true, range: [-3, 3] as const }],
      attributes: { p },
    })),
  ),
})

function lpPoolCases(): OpCase[] {
  const forms: [string, readonly number[], NonNullable<OpCase['attributes']>][] = [
    ['one spatial dim', [2, 2, 7], { kernel_shape: [3], strides: [2], pads: [1, 1] }],
    ['two by two', [2, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }],
    ['default strides: overlapping', [1, 2, 4, 5], { kernel_shape: [2, 3] }],
    ['asymmetric pads', [1, 2, 5, 6], { kernel_shape: [2, 3], strides: [2, 2], pads: [1, 0, 0, 2] }],
    ['ceil_mode', [1, 2, 6, 6], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
    ['dilations', [1, 2, 6, 7], { kernel_shape: [2, 3], dilations: [2, 2] }],
    ['auto_pad SAME_UPPER', [1, 2, 5, 6], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
    ['auto_pad SAME_LOWER', [1, 2, 5, 6], { kernel_shape: [2, 3], auto_pad: 'SAME_LOWER' }],
    ['auto_pad VALID', [1, 2, 5, 6], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: 'VALID' }],
    ['three spatial dims', [1, 1, 4, 3, 4], { kernel_shape: [2, 2, 2], strides: [2, 1, 2] }],
  ]
  return [1, 2, 3].flatMap((p) =>
    forms.map(([name, dims, attributes]) => ({
      name: `p ${p}, ${name}`,
      inputs: [{ dims, distinct: true, range: p === 1 ? [-9, 9] : [-3, 3] }],
      attributes: p === 2 ? attributes : { ...attributes, p },
    })),
  )
}
