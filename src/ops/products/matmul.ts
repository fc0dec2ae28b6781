import { sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  broadcastDims,
  defineOp,
  type Emitter,
  linearSquares,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  shapeError,
  swapLast,
  transpose,
  type Value,
} from '../core/index.ts'

function matmulShape(context: ShapeContext): TensorType[] {
  const { type } = required(context, 0)
  if (type !== required(context, 1).type) throw shapeError(context, 'both inputs must be of one type.')
  return [{ type, dims: productDims(context) }]
}

/** Dims of a product of stacks of matrices, whatever the types are. */
export function productDims(context: ShapeContext): number[] {
  const a = required(context, 0)
  const b = required(context, 1)
  if (a.dims.length === 0 || b.dims.length === 0)
    throw shapeError(context, 'scalars cannot be multiplied as matrices.')
  const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims
  const right = b.dims.length === 1 ? [...b.dims, 1] : b.dims
  if (left.at(-1) !== right.at(-2)) {
    throw shapeError(context, `inner dims differ (${left.at(-1)} against ${right.at(-2)}).`)
  }
  const batch = broadcastDims(context, left.slice(0, -2), right.slice(0, -2))
  const dims = [...batch]
  if (a.dims.length > 1) dims.push(left.at(-2) ?? 1)
  if (b.dims.length > 1) dims.push(right.at(-1) ?? 1)
  return dims
}

/** Rows of a stack of matrices as one matrix: [.., m, k] to [M, k]. */
function flatRows(emit: Emitter, x: Value): Value {
  const width = x.dims.at(-1) ?? 1
  return reshape(emit, x, [sizeOf(x.dims.slice(0, -1)), width])
}

/**
 * dB = A^T dC. With a matrix B under a stack of A's, all rows contract in one product. The runtime fuses the Transpose
 * into the product, which then runs as fast as a Gemm with transA.
 */
function weightGradient(emit: Emitter, a: Value, b: Value, dc: Value): Value {
  if (b.dims.length === 2) {
    return emit.op('MatMul', [transpose(emit, flatRows(emit, a), [1, 0]), flatRows(emit, dc)])
  }
  return emit.op('MatMul', [swapLast(emit, a), dc])
}

/** C = A B: dA = dC B^T, dB = A^T dC, over stacks of matrices with broadcasting; vectors count as a row or a column. */
export const MatMul = defineOp('MatMul', {
  shape: matmulShape,
  gradient: ({ emit, inputs: [a, b], gradients: [dc], needs }) => {
    if (!a || !b || !dc) return []
    // Vectors are given their missing axis back, so that one rule serves all ranks.
    const left = a.dims.length === 1 ? reshape(emit, a, [1, ...a.dims]) : a
    const right = b.dims.length === 1 ? reshape(emit, b, [...b.dims, 1]) : b
    const out = [...dc.dims]
    if (b.dims.length === 1) out.push(1)
    if (a.dims.length === 1) out.splice(out.length - 1, 0, 1)
    const d = reshape(emit, dc, out)
    const da = needs[0] ? emit.op('MatMul', [d, swapLast(emit, right)]) : undefined
    const db = needs[1] ? weightGradient(emit, left, right, d) : undefined
    return [
      da && a.dims.length === 1 ? squeezeAt(emit, da, -2) : da,
      db && b.dims.length === 1 ? squeezeAt(emit, db, -1) : db,
    ]
  },
  squares: ({ emit, inputs: [a, b], gradients: [dc], needs, samples, carries }) => {
    if (!a || !b || !dc || !needs[1] || !carries[0] || b.dims.length !== 2 || a.dims.length < 2) return []
    return [undefined, linearSquares(emit, a, dc, samples)]
  },
  rows: (context) =>
    rowsFirst(context) && (context.inputs[0]?.dims.length ?? 0) >= 2 && stackOnLeft(context.inputs),
  cases: [
    { name: 'matrices', inputs: [{ dims: [4, 3] }, { dims: [3, 5], parameter: true }] },
    { name: 'stack times matrix', inputs: [{ dims: [3, 4, 2] }, { dims: [2, 5], parameter: true }] },
    { name: 'matrix times stack', inputs: [{ dims: [4, 2] }, { dims: [3, 2, 5] }] },
    { name: 'stacks', inputs: [{ dims: [2, 3, 4, 2] }, { dims: [2, 3, 2, 5] }] },
    { name: 'broadcast stacks', inputs: [{ dims: [2, 1, 4, 2] }, { dims: [3, 2, 5] }] },
    { name: 'vector times matrix', inputs: [{ dims: [3] }, { dims: [3, 2] }] },
    { name: 'matrix times vector', inputs: [{ dims: [2, 3] }, { dims: [3] }] },
    { name: 'vector times vector', inputs: [{ dims: [3] }, { dims: [3] }] },
    { name: 'vector times stack', inputs: [{ dims: [3] }, { dims: [2, 3, 4] }] },
    { name: 'stack times vector', inputs: [{ dims: [2, 4, 3] }, { dims: [3] }] },
    { name: 'deep stack times vector', inputs: [{ dims: [2, 2, 2, 3] }, { dims: [3] }] },
    { name: 'vector times deep stack', inputs: [{ dims: [3] }, { dims: [2, 2, 3, 2] }] },
    { name: 'deep stack times matrix', inputs: [{ dims: [2, 2, 2, 3] }, { dims: [3, 2] }] },
    { name: 'matrix times deep stack', inputs: [{ dims: [2, 3] }, { dims: [2, 2, 3, 2] }] },
    { name: 'stack of one times stack', inputs: [{ dims: [1, 2, 3] }, { dims: [4, 3, 2] }] },
    { name: 'stack times stack of one', inputs: [{ dims: [4, 2, 3] }, { dims: [1, 3, 2] }] },
    { name: 'both stacks broadcast', inputs: [{ dims: [2, 1, 2, 3] }, { dims: [1, 2, 3, 2] }] },
    { name: 'one by one', inputs: [{ dims: [1, 1] }, { dims: [1, 1] }] },
    {
      name: 'float64',
      inputs: [
        { dims: [2, 3], type: 'float64' },
        { dims: [3, 2], type: 'float64' },
      ],
    },
    {
      name: 'int64',
      inputs: [
        { dims: [2, 3], type: 'int64', range: [0, 5], constant: false },
        { dims: [3, 2], type: 'int64', range: [0, 5], constant: false },
      ],
    },
    { name: 'no rows', inputs: [{ dims: [0, 3] }, { dims: [3, 2] }] },
    { name: 'no columns', inputs: [{ dims: [2, 3] }, { dims: [3, 0] }] },
    { name: 'nothing to sum', inputs: [{ dims: [2, 0] }, { dims: [0, 3] }] },
    { name: 'opset 9', inputs: [{ dims: [2, 3, 4] }, { dims: [4, 2] }], opset: 9 },
  ],
})

function stackOnLeft(inputs: readonly (Value | undefined)[]): boolean {
  const [a, b] = inputs
  return a !== undefined && b !== undefined && (b.dims.length <= 2 || a.dims.length >= b.dims.length)
}

function squeezeAt(emit: Emitter, x: Value, axis: number): Value {
  const dims = [...x.dims]
  dims.splice(axis + dims.length, 1)
  return reshape(emit, x, dims)
}
