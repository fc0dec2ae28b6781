import { sizeOf, type TensorType } from '../../tensor/tensor.ts'
import { outputSizes, slidingOf, type WindowAxis } from '../conv/index.ts'
import {
  cast,
  counting,
  defineOp,
  type Emitter,
  filled,
  firstPlace,
  type GradientContext,
  mul,
  type OpCase,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  shapeError,
  type Value,
} from '../core/index.ts'
import { byComparing, compares } from './max-pool-compared.ts'
import { globalPoolCases, poolCases } from './pool-cases.ts'
import { poolAxes } from './pool-windows.ts'

function poolShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const dims = [...x.dims.slice(0, 2), ...outputSizes(poolAxes(context))]
  return [
    { type: x.type, dims },
    { type: 'int64', dims },
  ]
}

/** Where each maximum lies in the flattened input: the node's own second output if it has one, else a second pooling. */
function indicesOf(context: GradientContext, x: Value): Value | undefined {
  const { attributes, outputs, emit } = context
  const own = outputs[1]
  if (own && attributes.int('storage_order', 0) === 0) return own
  const axes = poolAxes(context)
  const [, indices] = emit.ops('MaxPool', [x], 2, {
    kernel_shape: axes.map((axis) => axis.kernel),
    ...slidingOf(axes),
    ceil_mode: attributes.int('ceil_mode', 0),
  })
  return indices
}

/** dY put where the maxima lie, added up where windows share one. Among equals the first in the window wins. */
function scatter(context: GradientContext, x: Value, indices: Value, dy: Value, shared: boolean): Value {
  const { emit } = context
  const flat = (value: Value) => reshape(emit, value, [sizeOf(value.dims)])
  const inputs = [filled(emit, 0, { ...x, dims: [sizeOf(x.dims)] }), flat(indices), flat(dy)]
  const scattered = emit.op('ScatterElements', inputs, shared ? { axis: 0, reduction: 'add' } : { axis: 0 })
  return reshape(emit, scattered, x.dims)
}

const overlapping = (axes: readonly WindowAxis[]): boolean =>
  axes.some((axis) => axis.stride < axis.kernel || axis.dilation > 1)

/** Y[p] = max over k of X[p stride + k dilation - before]; dX[q] = sum of dY[p] over the windows p whose maximum is at q. */
export const MaxPool = defineOp('MaxPool', {
  shape: poolShape,
  gradient: (context) => {
    const [dy] = context.gradients
    const x = required(context, 0)
    const axes = poolAxes(context)
    const [y] = context.outputs
    if (dy && y && compares(x, axes, context.emit)) return [byComparing(context.emit, { x, y, dy }, axes)]
    const indices = dy && indicesOf(context, x)
    return dy && indices ? [scatter(context, x, indices, dy, overlapping(axes))] : []
  },
  rows: (context) => rowsFirst(context) && context.outputs.length === 1,
  cases: [...maxPoolCases(), ...poolCases],
})

/** dY where a whole plane has its maximum first, for devices that give no indices. */
function atFirst(emit: Emitter, { x, y, dy }: { x: Value; y: Value; dy: Value }): Value {
  const [planes, places] = [sizeOf(y.dims), sizeOf(x.dims.slice(2))]
  const [all, most] = [reshape(emit, x, [planes, places]), reshape(emit, y, [planes, 1])]
  const first = firstPlace(emit, all, most, places)
  const one = cast(emit, emit.op('Equal', [counting(emit, places), first]), x.type)
  return reshape(emit, mul(emit, one, reshape(emit, dy, [planes, 1])), x.dims)
}

function globalShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  if (x.dims.length < 3) throw shapeError(context, 'the input needs samples, channels and a spatial dim.')
  return [{ type: x.type, dims: x.dims.map((dim, axis) => (axis < 2 ? dim : 1)) }]
}

/** Y = max over all positions, in float32 only on ONNX Runtime's CPU provider; dX is dY at the first maximum, 0 elsewhere. */
export const GlobalMaxPool = defineOp('GlobalMaxPool', {
  shape: globalShape,
  gradient: (context) => {
    const [dy] = context.gradients
    const x = required(context, 0)
    const [y] = context.outputs
    if (dy && y && context.emit.flat) return [atFirst(context.emit, { x, y, dy })]
    const [, indices] = context.emit.ops('MaxPool', [x], 2, { kernel_shape: x.dims.slice(2) })
    return dy && indices ? [scatter(context, x, indices, dy, false)] : []
  },
  rows: rowsFirst,
  cases: [
    { name: 'one spatial dim', inputs: [{ dims: [2, 3, 6], distinct: true, range: [-9, 9] }] },
    { name: 'two spatial dims', inputs: [{ dims: [2, 3, 4, 5], distinct: true, range: [-9, 9] }] },
    { name: 'three spatial dims', inputs: [{ dims: [2, 2, 2, 3, 3], distinct: true, range: [-9, 9] }] },
    ...globalPoolCases,
  ],
})

function maxPoolCases(): OpCase[] {
  const pooling = (
    name: string,
    dims: readonly number[],
    attributes: OpCase['attributes'],
    more: Partial<OpCase> = {},
  ): OpCase => ({
    name,
    inputs: [{ dims, distinct: true, range: [-12, 12] }],
    ...(attributes ? { attributes } : {}),
    ...more,
  })
  return [
    pooling('one spatial dim', [2, 3, 8], { kernel_shape: [2], strides: [2] }),
    pooling('one spatial dim, overlapping', [2, 3, 8], { kernel_shape: [3], pads: [1, 1] }),
    pooling('two by two', [2, 3, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }),
    pooling('two by two, a row left over', [2, 3, 5, 7], { kernel_shape: [2, 2], strides: [2, 2] }),
    pooling('default strides: overlapping', [2, 2, 4, 5], { kernel_shape: [2, 3] }),
    pooling('three by three, stride 2, padding 1', [2, 2, 7, 7], {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    }),
    pooling('asymmetric pads', [2, 2, 5, 6], { kernel_shape: [2, 3], strides: [2, 2], pads: [1, 0, 0, 2] }),
    pooling('ceil_mode', [2, 2, 6, 6], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
    pooling('ceil_mode, last window would begin in the padding', [1, 2, 5, 5], {
      kernel_shape: [2, 2],
      strides: [3, 3],
      pads: [0, 0, 1, 1],
      ceil_mode: 1,
    }),
    pooling('dilations', [2, 2, 6, 7], { kernel_shape: [2, 3], dilations: [2, 2] }),
    pooling('dilations, stride 2', [2, 2, 7, 8], {
      kernel_shape: [2, 2],
      dilations: [3, 2],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    }),
    pooling('auto_pad SAME_UPPER', [2, 2, 5, 6], {
      kernel_shape: [2, 3],
      strides: [2, 2],
      auto_pad: 'SAME_UPPER',
    }),
    pooling('auto_pad SAME_LOWER', [2, 2, 5, 6], {
      kernel_shape: [2, 3],
      strides: [2, 2],
      auto_pad: 'SAME_LOWER',
    }),
    pooling('auto_pad VALID', [2, 2, 5, 6], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: 'VALID' }),
    pooling('with Indices', [2, 2, 4, 4], { kernel_shape: [2, 2], strides: [2, 2] }, { outputs: 2 }),
    pooling(
      'with Indices by columns',
      [2, 2, 4, 4],
      { kernel_shape: [2, 2], strides: [2, 2], storage_order: 1 },
      { outputs: 2 },
    ),
    pooling('three spatial dims', [1, 2, 4, 4, 4], { kernel_shape: [2, 2, 2], strides: [2, 2, 2] }),
    {
      name: 'float64',
      inputs: [{ dims: [2, 2, 4, 4], distinct: true, range: [-9, 9], type: 'float64' }],
      attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
    },
  ]
}
