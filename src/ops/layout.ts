import { sizeOf, type TensorType } from '../tensor/tensor.ts'
import { defineOp, type RowsContext, type ShapeContext } from './define.ts'
import { reshape, transpose } from './emit.ts'
import { foldDims } from './fold.ts'
import { broadcastDims, constantInts, required, sameAsFirst, shapeError } from './shapes.ts'

/** Row-major order keeps each sample's elements together, so any reshape that N divides keeps the samples. */
const rowsReshaped = ({ outputs, carries, samples }: RowsContext): boolean =>
  carries[0] === true && (outputs[0]?.dims[0] ?? 0) % samples === 0 && (outputs[0]?.dims[0] ?? 0) > 0

function reshapeShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const asked = constantInts(context, 1)
  const zeroIsZero = context.attributes.int('allowzero', 0) !== 0
  const dims = asked.map((dim, axis) => (dim === 0 && !zeroIsZero ? (x.dims[axis] ?? 0) : dim))
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

const shapeInput = (values: readonly number[]) => ({ dims: [values.length], type: 'int64' as const, values })

/** The gradient takes the old dims back. */
export const Reshape = defineOp('Reshape', {
  shape: reshapeShape,
  gradient: ({ emit, inputs: [x], gradients: [dy] }) => [x && dy && reshape(emit, dy, x.dims)],
  rows: rowsReshaped,
  rearranges: true,
  fold: foldDims(reshapeShape),
  cases: [
    { name: 'flat', inputs: [{ dims: [2, 3] }, shapeInput([6])] },
    { name: 'open dim', inputs: [{ dims: [2, 3, 4] }, shapeInput([2, -1])] },
    { name: 'copied dim', inputs: [{ dims: [2, 3, 4] }, shapeInput([0, 12])] },
  ],
})

/** Y's axis i is X's axis perm[i]; the gradient goes through the inverse permutation. */
export const Transpose = defineOp('Transpose', {
  shape: (context) => {
    const x = required(context, 0)
    const perm = context.attributes.ints('perm') ?? x.dims.map((_, axis) => x.dims.length - 1 - axis)
    if (perm.length !== x.dims.length) throw shapeError(context, `perm [${perm}] does not fit the rank.`)
    return [{ type: x.type, dims: perm.map((axis) => x.dims[axis] ?? 1) }]
  },
  gradient: ({ emit, attributes, inputs: [x], gradients: [dy] }) => {
    if (!x || !dy) return []
    const perm = attributes.ints('perm') ?? x.dims.map((_, axis) => x.dims.length - 1 - axis)
    const inverse = new Array<number>(perm.length).fill(0)
    perm.forEach((from, to) => {
      inverse[from] = to
    })
    return [transpose(emit, dy, inverse)]
  },
  rows: ({ attributes, carries }) => carries[0] === true && attributes.ints('perm')?.[0] === 0,
  rearranges: true,
  cases: [
    { name: 'default', inputs: [{ dims: [2, 3, 4] }] },
    { name: 'heads', inputs: [{ dims: [2, 3, 4, 5] }], attributes: { perm: [0, 2, 1, 3] } },
    { name: 'cycle', inputs: [{ dims: [2, 3, 4] }], attributes: { perm: [1, 2, 0] } },
  ],
})

/** Passes everything through. */
export const Identity = defineOp('Identity', {
  shape: sameAsFirst,
  gradient: ({ gradients: [dy] }) => [dy],
  rows: ({ carries }) => carries[0] === true,
  rearranges: true,
  fold: ([x]) => (x ? [x] : undefined),
  cases: [{ name: 'matrix', inputs: [{ dims: [2, 3] }] }],
})

/** Broadcasts to the given shape; the walker sums the gradient back down. */
export const Expand = defineOp('Expand', {
  shape: (context) => {
    const x = required(context, 0)
    return [{ type: x.type, dims: broadcastDims(context, x.dims, constantInts(context, 1)) }]
  },
  gradient: ({ gradients: [dy] }) => [dy],
  rows: ({ inputs: [x], outputs: [y], carries }) =>
    carries[0] === true && x?.dims.length === y?.dims.length && x?.dims[0] === y?.dims[0],
  cases: [
    { name: 'more axes', inputs: [{ dims: [3, 1] }, shapeInput([2, 3, 4])] },
    { name: 'shape broadcast too', inputs: [{ dims: [3, 4] }, shapeInput([2, 1, 1])] },
  ],
})
