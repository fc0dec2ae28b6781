import { sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  constantInts,
  defineOp,
  dimOf,
  foldDims,
  type GradientContext,
  ints,
  type OpCase,
  positiveAxis,
  type RowsContext,
  required,
  reshape,
  type ShapeContext,
  shapeError,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'

/** Row-major order keeps each sample's elements together, so any reshape that N divides keeps the samples. */
const rowsReshaped = ({ outputs, carries, samples }: RowsContext): boolean =>
  carries[0] === true && (outputs[0]?.dims[0] ?? 0) % samples === 0 && (outputs[0]?.dims[0] ?? 0) > 0

/** The gradient takes the old dims back. */
const dimsBack = ({ emit, inputs: [x], gradients: [dy] }: GradientContext): (Value | undefined)[] => [
  x && dy && reshape(emit, dy, x.dims),
]

/** What all ops share that keep the elements and their order, and change only the dims. */
const renamed = (shape: (context: ShapeContext) => TensorType[], cases: readonly OpCase[]) => ({
  shape,
  gradient: dimsBack,
  rows: rowsReshaped,
  rearranges: true,
  fold: foldDims(shape),
  cases,
})

const int64Input = (values: readonly number[]) => ({ dims: [values.length], type: 'int64' as const, values })

function reshapeShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const asked = constantInts(context, 1)
  const zeroIsZero = context.attributes.int('allowzero', 0) !== 0
  const dims = asked.map((dim, axis) => (dim === 0 && !zeroIsZero ? dimOf(x, axis) : dim))
  const open = dims.indexOf(-1)
  if (open >= 0) {
    const known = sizeOf(dims.filter((dim) => dim !== -1))
    if (known === 0 || sizeOf(x.dims) % known !== 0)
      throw shapeError(context, `cannot be reshaped to [${asked}].`)
    dims[open] = sizeOf(x.dims) / known
  }
  if (sizeOf(dims) !== sizeOf(x.dims)) throw shapeError(context, `cannot be reshaped to [${asked}].`)
  return [{ type: x.type, dims }]
}

/** Other dims, the same elements; 0 copies the input's dim, -1 takes what is left. */
export const Reshape = defineOp('Reshape', {
  ...renamed(reshapeShape, [
    { name: 'flat', inputs: [{ dims: [2, 3] }, int64Input([6])] },
    { name: 'open dim', inputs: [{ dims: [2, 3, 4] }, int64Input([2, -1])] },
    { name: 'copied dim', inputs: [{ dims: [2, 3, 4] }, int64Input([0, 12])] },
    { name: 'copied and open', inputs: [{ dims: [2, 3, 4] }, int64Input([0, -1, 2])] },
    { name: 'to a scalar', inputs: [{ dims: [1, 1] }, int64Input([])] },
    { name: 'from a scalar', inputs: [{ dims: [] }, int64Input([1, -1])] },
    { name: 'empty, dim copied', inputs: [{ dims: [0, 3] }, int64Input([0, 1, 3])] },
    {
      name: 'open dim with allowzero',
      inputs: [{ dims: [2, 3] }, int64Input([-1, 2])],
      attributes: { allowzero: 1 },
    },
    { name: 'opset 7', inputs: [{ dims: [2, 3, 2] }, int64Input([0, -1])], opset: 7 },
    { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64' }, int64Input([3, 2])] },
    {
      name: 'zero taken as zero',
      inputs: [{ dims: [0, 3], type: 'int64', constant: false }, int64Input([3, 0])],
      attributes: { allowzero: 1 },
    },
    { name: 'folded', inputs: [{ dims: [2, 3], type: 'int64', range: [0, 9] }, int64Input([-1])] },
    { name: 'shape as attribute', inputs: [{ dims: [2, 3] }], attributes: { shape: [3, 2] }, opset: 1 },
  ]),
  upgrade: ({ attributes: { shape, ...rest }, inputs, emit }) =>
    Array.isArray(shape)
      ? { inputs: [inputs[0], ints(emit, shape)], attributes: rest }
      : { inputs, attributes: { ...rest, ...(shape === undefined ? {} : { shape }) } },
})

function flattenShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const given = context.attributes.int('axis', 1)
  const axis = given < 0 ? given + x.dims.length : given
  if (axis < 0 || axis > x.dims.length) throw shapeError(context, `axis ${given} is outside the rank.`)
  return [{ type: x.type, dims: [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))] }]
}

/** A matrix: the axes before `axis` make the rows, the others the columns. */
export const Flatten = defineOp(
  'Flatten',
  renamed(flattenShape, [
    { name: 'default', inputs: [{ dims: [2, 3, 4] }] },
    { name: 'axis 0', inputs: [{ dims: [2, 3] }], attributes: { axis: 0 } },
    { name: 'axis at the end', inputs: [{ dims: [2, 3] }], attributes: { axis: 2 } },
    { name: 'negative axis', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: -1 } },
    { name: 'folded', inputs: [{ dims: [2, 3], type: 'int64', range: [0, 9] }] },
    { name: 'scalar', inputs: [{ dims: [] }], attributes: { axis: 0 } },
    { name: 'a vector', inputs: [{ dims: [3] }] },
    { name: 'a vector from 0', inputs: [{ dims: [3] }], attributes: { axis: 0 } },
    { name: 'middle axis', inputs: [{ dims: [2, 3, 2, 2] }], attributes: { axis: 2 } },
    { name: 'whole rank, negative', inputs: [{ dims: [2, 3, 2] }], attributes: { axis: -3 } },
    { name: 'empty', inputs: [{ dims: [2, 0, 3] }] },
    { name: 'opset 7', inputs: [{ dims: [2, 3, 2] }], attributes: { axis: 2 }, opset: 7 },
  ]),
)

/** Before opset 13 the axes of Squeeze and Unsqueeze were an attribute. */
const axesAsInput = ({ attributes: { axes, ...rest }, inputs, emit }: UpgradeContext) =>
  Array.isArray(axes)
    ? { inputs: [inputs[0], ints(emit, axes)], attributes: rest }
    : { inputs, attributes: { ...rest, ...(axes === undefined ? {} : { axes }) } }

function squeezeShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const given = context.inputs[1] ? constantInts(context, 1) : undefined
  const axes = given?.map((axis) => positiveAxis(context, axis, x.dims.length))
  for (const axis of axes ?? []) {
    if (x.dims[axis] !== 1) throw shapeError(context, `axis ${axis} has size ${x.dims[axis]}, not 1.`)
  }
  return [{ type: x.type, dims: x.dims.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1)) }]
}

/** Drops axes of size 1: those given, or all. */
export const Squeeze = defineOp('Squeeze', {
  ...renamed(squeezeShape, [
    { name: 'all', inputs: [{ dims: [1, 3, 1, 2] }] },
    { name: 'one', inputs: [{ dims: [1, 3, 1, 2] }, int64Input([2])] },
    { name: 'negative', inputs: [{ dims: [1, 3, 1, 2] }, int64Input([-2, 0])] },
    { name: 'to a scalar', inputs: [{ dims: [1] }, int64Input([0])] },
    { name: 'all to a scalar', inputs: [{ dims: [1, 1] }] },
    { name: 'nothing to drop', inputs: [{ dims: [2, 3] }] },
    { name: 'empty', inputs: [{ dims: [1, 0, 1] }, int64Input([0])] },
    {
      name: 'negative axes as attribute',
      inputs: [{ dims: [1, 3, 1] }],
      attributes: { axes: [-1, 0] },
      opset: 11,
    },
    {
      name: 'axes as attribute, opset 7',
      inputs: [{ dims: [1, 3, 1] }],
      attributes: { axes: [0, 2] },
      opset: 7,
    },
    { name: 'folded', inputs: [{ dims: [1], type: 'int64', values: [7] }, int64Input([0])] },
    { name: 'axes as attribute', inputs: [{ dims: [1, 3, 1] }], attributes: { axes: [0] }, opset: 11 },
    { name: 'all, old', inputs: [{ dims: [1, 3, 1] }], opset: 11 },
  ]),
  upgrade: axesAsInput,
})

function unsqueezeShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const given = constantInts(context, 1)
  const rank = x.dims.length + given.length
  const axes = new Set(given.map((axis) => positiveAxis(context, axis, rank)))
  if (axes.size !== given.length) throw shapeError(context, `axes [${given}] name an axis twice.`)
  const rest = [...x.dims]
  const dims = Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (rest.shift() ?? 1)))
  return [{ type: x.type, dims }]
}

/** Puts axes of size 1 in, at these places of the result. */
export const Unsqueeze = defineOp('Unsqueeze', {
  ...renamed(unsqueezeShape, [
    { name: 'front', inputs: [{ dims: [2, 3] }, int64Input([0])] },
    { name: 'back and middle', inputs: [{ dims: [2, 3] }, int64Input([-1, 1])] },
    { name: 'not in order', inputs: [{ dims: [2, 3] }, int64Input([3, 0])] },
    { name: 'of a scalar', inputs: [{ dims: [] }, int64Input([0])] },
    { name: 'of a scalar, twice', inputs: [{ dims: [] }, int64Input([-1, -2])] },
    { name: 'everywhere', inputs: [{ dims: [2, 3] }, int64Input([0, 2, 4])] },
    { name: 'empty', inputs: [{ dims: [0] }, int64Input([1])] },
    {
      name: 'negative axes as attribute',
      inputs: [{ dims: [2, 3] }],
      attributes: { axes: [-1, 0] },
      opset: 11,
    },
    {
      name: 'axes as attribute, opset 7',
      inputs: [{ dims: [2, 3] }],
      attributes: { axes: [3, 0] },
      opset: 7,
    },
    { name: 'folded', inputs: [{ dims: [], type: 'int64', values: [7] }, int64Input([0])] },
    { name: 'axes as attribute', inputs: [{ dims: [2, 3] }], attributes: { axes: [1] }, opset: 11 },
  ]),
  upgrade: axesAsInput,
})
