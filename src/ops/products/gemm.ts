import { ModelError } from '../../errors.ts'
import { float } from '../../onnx/graph.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import {
  broadcastDims,
  broadcastSquares,
  defineOp,
  linearSquares,
  type OpCase,
  required,
  rowsFirst,
  type ShapeContext,
  scale,
  shapeError,
  transpose,
  type Value,
} from '../core/index.ts'
import type { MatMul } from './matmul.ts'

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
