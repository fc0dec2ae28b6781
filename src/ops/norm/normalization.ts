import { ModelError, UnsupportedOpError } from '../../errors.ts'
import { float } from '../../onnx/graph.ts'
import { sameDims, sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  broadcastDims,
  broadcastSquares,
  type CaseInput,
  cast,
  defineOp,
  type Emitter,
  expand,
  type GradientContext,
  ints,
  mul,
  nodeLabel,
  positiveAxis,
  required,
  reshape,
  type ShapeContext,
  scalar,
  shapeError,
  sub,
  type Value,
} from '../core/index.ts'

/**
 * Each row of `x` [rows, width] less its mean and over its deviation, and 1 / deviation [rows, 1]. ONNX Runtime's own
 * kernel with a scale of ones does it in one pass, for the price of two plain products.
 */
export function normalizeRows(
  emit: Emitter,
  x: Value,
  epsilon: number,
): { readonly normalized: Value; readonly inverse: Value } {
  const ones = expand(emit, scalar(emit, 1, x), [x.dims.at(-1) ?? 1])
  const attributes = { axis: -1, epsilon: float(epsilon) }
  const [normalized, , inverse] = emit.ops('LayerNormalization', [x, ones], 3, attributes)
  if (!normalized || !inverse) throw new ModelError('no-output', 'LayerNormalization gave no statistics.')
  // The statistics are float32 even where x is float64 (stash_type 1).
  return { normalized, inverse: cast(emit, inverse, x.type) }
}

/** The mean over the last axis, kept as size 1. */
export const rowMean = (emit: Emitter, x: Value): Value =>
  emit.op('ReduceMean', [x, ints(emit, [-1])], { keepdims: 1 })

/** Says that statistics which the node also gives cannot be differentiated. */
export function refuseStatistics(context: GradientContext): void {
  const reached = context.gradients.findIndex((gradient, index) => index > 0 && gradient !== undefined)
  if (reached < 0) return
  throw new UnsupportedOpError(
    'not-differentiable',
    `${nodeLabel(context)}: a gradient has to pass its output ${reached} (a statistic), for which there is no rule. ` +
      'Compute that statistic with ReduceMean instead.',
  )
}

const normalizedFrom = (context: Omit<ShapeContext, 'outputs'>): number =>
  positiveAxis(
    { ...context, outputs: 1 },
    context.attributes.int('axis', -1),
    required(context, 0).dims.length,
  )

function layerShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const axis = normalizedFrom(context)
  for (const parameter of [required(context, 1), context.inputs[2]]) {
    if (parameter && !sameDims(broadcastDims(context, x.dims, parameter.dims), x.dims))
      throw shapeError(context, 'scale and bias must broadcast to the input.')
  }
  const statistics = x.dims.map((dim, at) => (at < axis ? dim : 1))
  return [
    { type: x.type, dims: x.dims },
    { type: 'float32', dims: statistics },
    { type: 'float32', dims: statistics },
  ]
}

/** The rows that are normalised, as a matrix [rows, width]. */
function layerRows(context: GradientContext) {
  const { emit, attributes } = context
  const x = required(context, 0)
  const axis = normalizedFrom(context)
  const width = sizeOf(x.dims.slice(axis))
  const matrix = [width === 0 ? 0 : sizeOf(x.dims) / width, width]
  const { normalized, inverse } = normalizeRows(
    emit,
    reshape(emit, x, matrix),
    attributes.float('epsilon', 1e-5),
  )
  return { x, matrix, normalized, inverse }
}

const layerParameter = (dims: readonly number[], parameter = false): CaseInput => ({
  dims,
  range: [0.5, 1.5],
  ...(parameter ? { parameter: true } : {}),
})

/**
 * y = scale xhat + bias, xhat = (x - mean) / deviation over the axes from `axis` on. With g = dy scale:
 *
 *     dx = (g - mean(g) - xhat mean(g xhat)) / deviation,   dscale = dy xhat,   dbias = dy   (summed down)
 */
export const LayerNormalization = defineOp('LayerNormalization', {
  shape: layerShape,
  gradient: (context) => {
    const { emit, needs } = context
    const [dy] = context.gradients
    refuseStatistics(context)
    if (!dy) return []
    const { x, matrix, normalized, inverse } = layerRows(context)
    const dscale = mul(emit, dy, reshape(emit, normalized, x.dims))
    const dx = () => {
      const parameter = required(context, 1)
      const g = reshape(emit, mul(emit, dy, parameter), matrix)
      const along = mul(emit, normalized, rowMean(emit, reshape(emit, mul(emit, dscale, parameter), matrix)))
      return reshape(emit, mul(emit, sub(emit, sub(emit, g, along), rowMean(emit, g)), inverse), x.dims)
    }
    return [needs[0] ? dx() : undefined, needs[1] ? dscale : undefined, needs[2] ? dy : undefined]
  },
  squares: (context) => {
    const { emit, needs, samples, carries } = context
    const [dy] = context.gradients
    const [, parameter, bias] = context.inputs
    if (!dy || !carries[0] || !parameter) return []
    const { x, normalized } = layerRows(context)
    return [
      undefined,
      needs[1]
        ? broadcastSquares(emit, mul(emit, dy, reshape(emit, normalized, x.dims)), parameter.dims, samples)
        : undefined,
      needs[2] && bias ? broadcastSquares(emit, dy, bias.dims, samples) : undefined,
    ]
  },
  rows: (context) =>
    context.carries[0] === true &&
    !context.carries[1] &&
    !context.carries[2] &&
    normalizedFrom({ op: 'LayerNormalization', name: '', ...context }) > 0,
  cases: [
    { name: 'last axis', inputs: [{ dims: [3, 4] }, layerParameter([4]), { dims: [4] }] },
    { name: 'no bias', inputs: [{ dims: [2, 3, 4] }, layerParameter([4])] },
    {
      name: 'two axes',
      inputs: [{ dims: [2, 3, 4] }, layerParameter([3, 4]), { dims: [3, 4] }],
      attributes: { axis: 1 },
    },
    {
      name: 'scale and bias broadcast',
      inputs: [{ dims: [2, 3, 4] }, layerParameter([4]), { dims: [3, 1] }],
      attributes: { axis: -2 },
    },
    {
      name: 'all axes',
      inputs: [{ dims: [2, 3] }, layerParameter([2, 3]), { dims: [2, 3] }],
      attributes: { axis: 0 },
    },
    {
      name: 'middle axis, negative, no bias',
      inputs: [{ dims: [2, 3, 2, 2] }, layerParameter([3, 2, 2])],
      attributes: { axis: -3 },
    },
    { name: 'no rows', inputs: [{ dims: [0, 4] }, layerParameter([4]), { dims: [4] }] },
    { name: 'a vector', inputs: [{ dims: [5] }, layerParameter([5]), { dims: [5] }] },
    { name: 'scale of size 1', inputs: [{ dims: [3, 4] }, layerParameter([1]), { dims: [1] }] },
    {
      name: 'with mean alone, axis 1',
      inputs: [{ dims: [2, 3, 2] }, layerParameter([3, 2])],
      attributes: { axis: 1 },
      outputs: 2,
      through: [0],
    },
    { name: 'stash_type', inputs: [{ dims: [3, 4] }, layerParameter([4])], attributes: { stash_type: 11 } },
    { name: 'opset 17', inputs: [{ dims: [3, 4] }, layerParameter([4]), { dims: [4] }], opset: 17 },
    { name: 'epsilon', inputs: [{ dims: [3, 4] }, layerParameter([4])], attributes: { epsilon: float(0.1) } },
    {
      name: 'with mean and deviation',
      inputs: [{ dims: [2, 3, 4] }, layerParameter([4]), { dims: [4] }],
      outputs: 3,
      through: [0],
    },
    {
      name: 'float64',
      inputs: [
        { dims: [3, 4], type: 'float64' },
        { dims: [4], type: 'float64' },
      ],
    },
    { name: 'squares of scale', inputs: [{ dims: [4, 5] }, layerParameter([5], true), { dims: [5] }] },
    {
      name: 'squares of scale over positions',
      inputs: [{ dims: [4, 3, 5] }, layerParameter([5], true), { dims: [5] }],
    },
    {
      name: 'squares of bias over positions',
      inputs: [{ dims: [4, 3, 5] }, layerParameter([5]), { dims: [5], parameter: true }],
    },
  ],
})
