import { ModelError } from '../../errors.ts'
import { float } from '../../onnx/graph.ts'
import { sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  broadcastDims,
  broadcastSquares,
  defineOp,
  type Emitter,
  linearSquares,
  type OpCase,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  scale,
  shapeError,
  swapLast,
  transpose,
  type Value,
} from '../core/index.ts'

function matmulShape(context: ShapeContext): TensorType[] {
  const a = required(context, 0)
  const b = required(context, 1)
  if (a.dims.length === 0 || b.dims.length === 0)
    throw shapeError(context, 'scalars cannot be multiplied as matrices.')
  if (a.type !== b.type) throw shapeError(context, 'both inputs must be of one type.')
  const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims
  const right = b.dims.length === 1 ? [...b.dims, 1] : b.dims
  if (left.at(-1) !== right.at(-2)) {
    throw shapeError(context, `inner dims differ (${left.at(-1)} against ${right.at(-2)}).`)
  }
  const batch = broadcastDims(context, left.slice(0, -2), right.slice(0, -2))
  const dims = [...batch]
  if (a.dims.length > 1) dims.push(left.at(-2) ?? 1)
  if (b.dims.length > 1) dims.push(right.at(-1) ?? 1)
  return [{ type: a.type, dims }]
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

/** C's term in Gemm may be left out or broadcast. */
function gemmShape(context: ShapeContext): TensorType[] {
  const a = required(context, 0)
  const b = required(context, 1)
  if (a.dims.length !== 2 || b.dims.length !== 2) throw shapeError(context, 'A and B must be matrices.')
  const [m, k] = context.attributes.int('transA', 0) ? [...a.dims].reverse() : a.dims
  const [inner, n] = context.attributes.int('transB', 0) ? [...b.dims].reverse() : b.dims
  if (k !== inner) throw shapeError(context, `inner dims differ (${k} against ${inner}).`)
  if (m === undefined || n === undefined) throw new ModelError('shape-mismatch', 'Gemm needs matrices.')
  const c = context.inputs[2]
  if (c && broadcastDims(context, c.dims, [m, n]).join() !== [m, n].join()) {
    throw shapeError(context, `C cannot be broadcast to [${m},${n}].`)
  }
  return [{ type: a.type, dims: [m, n] }]
}

/** Y = alpha A' B' + beta C, with A' = A or A^T: dA' = alpha dY B'^T, dB' = alpha A'^T dY, dC = beta dY. */
export const Gemm = defineOp('Gemm', {
  shape: gemmShape,
  gradient: ({ emit, attributes, inputs: [a, b], gradients: [dy], needs }) => {
    if (!a || !b || !dy) return []
    const { alpha, beta, transA, transB } = gemmAttributes(attributes)
    const product = (x: Value, y: Value) => scale(emit, emit.op('MatMul', [x, y]), alpha)
    const flip = (x: Value) => transpose(emit, x, [1, 0])
    const da = () => (transA ? product(transB ? flip(b) : b, flip(dy)) : product(dy, transB ? b : flip(b)))
    const db = () => (transB ? product(flip(dy), transA ? flip(a) : a) : product(transA ? a : flip(a), dy))
    return [
      needs[0] ? da() : undefined,
      needs[1] ? db() : undefined,
      needs[2] ? scale(emit, dy, beta) : undefined,
    ]
  },
  squares: ({ emit, attributes, inputs: [a, b, c], gradients: [dy], needs, samples, carries }) => {
    const { alpha, beta, transA, transB } = gemmAttributes(attributes)
    if (!a || !b || !dy || !carries[0] || transA) return []
    const linear = needs[1] ? linearSquares(emit, a, scale(emit, dy, alpha), samples) : undefined
    return [
      undefined,
      linear && transB
        ? {
            accumulate: linear.accumulate,
            finish: (to, sum) => transpose(to, linear.finish(to, sum), [1, 0]),
          }
        : linear,
      needs[2] && c ? broadcastSquares(emit, scale(emit, dy, beta), c.dims, samples) : undefined,
    ]
  },
  rows: (context) => rowsFirst(context) && context.attributes.int('transA', 0) === 0,
  cases: [
    { name: 'plain', inputs: [{ dims: [4, 3] }, { dims: [3, 5], parameter: true }] },
    { name: 'bias row', inputs: [{ dims: [4, 3] }, { dims: [3, 5] }, { dims: [5], parameter: true }] },
    { name: 'bias column', inputs: [{ dims: [4, 3] }, { dims: [3, 5] }, { dims: [4, 1] }] },
    { name: 'bias scalar', inputs: [{ dims: [4, 3] }, { dims: [3, 5] }, { dims: [] }] },
    {
      name: 'linear layer of PyTorch',
      inputs: [{ dims: [4, 3] }, { dims: [5, 3], parameter: true }, { dims: [5] }],
      attributes: { transB: 1 },
    },
    {
      name: 'A transposed',
      inputs: [{ dims: [3, 4] }, { dims: [3, 5] }, { dims: [5] }],
      attributes: { transA: 1 },
    },
    {
      name: 'both transposed',
      inputs: [{ dims: [3, 4] }, { dims: [5, 3] }],
      attributes: { transA: 1, transB: 1 },
    },
    {
      name: 'alpha and beta',
      inputs: [{ dims: [4, 3] }, { dims: [3, 5], parameter: true }, { dims: [4, 5] }],
      attributes: { alpha: float(0.5), beta: float(-2) },
    },
    ...[0, 1].flatMap((transA) =>
      [0, 1].flatMap((transB) =>
        [undefined, [], [1], [3], [1, 3], [2, 1], [1, 1], [2, 3]].map(
          (c): OpCase => ({
            name: `transA ${transA}, transB ${transB}, ${c ? `C [${c}]` : 'no C'}, alpha and beta`,
            inputs: [
              { dims: transA ? [4, 2] : [2, 4] },
              { dims: transB ? [3, 4] : [4, 3] },
              c && { dims: c },
            ],
            attributes: { transA, transB, alpha: float(0.5), beta: float(3) },
          }),
        ),
      ),
    ),
    {
      name: 'beta 0',
      inputs: [{ dims: [2, 3] }, { dims: [3, 2] }, { dims: [2] }],
      attributes: { beta: float(0) },
    },
    {
      name: 'float64',
      inputs: [
        { dims: [2, 3], type: 'float64' },
        { dims: [3, 2], type: 'float64' },
        { dims: [2], type: 'float64' },
      ],
    },
    { name: 'no rows', inputs: [{ dims: [0, 3] }, { dims: [3, 2] }, { dims: [2] }] },
    { name: 'nothing to sum', inputs: [{ dims: [2, 0] }, { dims: [0, 3] }, { dims: [3] }] },
    { name: 'opset 7', inputs: [{ dims: [2, 3] }, { dims: [3, 2] }, { dims: [2] }], opset: 7 },
    {
      name: 'opset 9',
      inputs: [{ dims: [2, 3] }, { dims: [2, 3] }, { dims: [2, 1] }],
      attributes: { transB: 1 },
      opset: 9,
    },
  ],
})

function gemmAttributes(attributes: Parameters<NonNullable<typeof MatMul.gradient>>[0]['attributes']) {
  return {
    alpha: attributes.float('alpha', 1),
    beta: attributes.float('beta', 1),
    transA: attributes.int('transA', 0) !== 0,
    transB: attributes.int('transB', 0) !== 0,
  }
}
