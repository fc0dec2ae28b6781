import { itemAt } from '../../required.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import {
  defineOp,
  foldPicking,
  offsetOf,
  required,
  type ShapeContext,
  sameAsFirst,
  shapeError,
  stridesOf,
  transpose,
  type Value,
} from '../core/index.ts'

const reversed = (x: Value): number[] => x.dims.map((_, axis) => x.dims.length - 1 - axis)

function transposeShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const perm = context.attributes.ints('perm') ?? reversed(x)
  const complete = x.dims.every((_, axis) => perm.includes(axis))
  if (perm.length !== x.dims.length || !complete)
    throw shapeError(context, `perm [${perm}] does not fit the rank.`)
  return [{ type: x.type, dims: perm.map((axis) => x.dims[axis] ?? 1) }]
}

/** Y's axis i is X's axis perm[i]; the gradient goes through the inverse permutation. */
export const Transpose = defineOp('Transpose', {
  shape: transposeShape,
  gradient: ({ emit, attributes, inputs: [x], gradients: [dy] }) => {
    if (!x || !dy) return []
    const perm = attributes.ints('perm') ?? reversed(x)
    const inverse = new Array<number>(perm.length).fill(0)
    perm.forEach((from, to) => {
      inverse[from] = to
    })
    return [transpose(emit, dy, inverse)]
  },
  rows: ({ attributes, carries, inputs: [x] }) =>
    carries[0] === true && (attributes.ints('perm') ?? (x ? reversed(x) : []))[0] === 0,
  rearranges: true,
  fold: foldPicking(transposeShape, (context, source) => {
    const x = required(context, 0)
    const perm = context.attributes.ints('perm') ?? reversed(x)
    const strides = stridesOf(source.dims)
    const permuted = perm.map((axis) => itemAt(strides, axis, 'stride'))
    return (at) => offsetOf(at, permuted)
  }),
  cases: [
    { name: 'default', inputs: [{ dims: [2, 3, 4] }] },
    { name: 'heads', inputs: [{ dims: [2, 3, 4, 5] }], attributes: { perm: [0, 2, 1, 3] } },
    { name: 'cycle', inputs: [{ dims: [2, 3, 4] }], attributes: { perm: [1, 2, 0] } },
    { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64' }] },
    { name: 'scalar', inputs: [{ dims: [] }] },
    { name: 'vector', inputs: [{ dims: [3] }], attributes: { perm: [0] } },
    { name: 'axes of size 1', inputs: [{ dims: [1, 3, 1] }], attributes: { perm: [2, 0, 1] } },
    { name: 'five axes', inputs: [{ dims: [2, 1, 2, 3, 2] }], attributes: { perm: [3, 0, 4, 1, 2] } },
    { name: 'empty', inputs: [{ dims: [2, 0, 3] }], attributes: { perm: [2, 0, 1] } },
    { name: 'opset 7', inputs: [{ dims: [2, 3] }], opset: 7 },
    { name: 'folded', inputs: [{ dims: [2, 3], type: 'int64', range: [0, 9] }] },
  ],
})

/** Passes everything through. */
export const Identity = defineOp('Identity', {
  shape: sameAsFirst,
  gradient: ({ gradients: [dy] }) => [dy],
  rows: ({ carries }) => carries[0] === true,
  rearranges: true,
  fold: ([x]) => (x ? [x] : undefined),
  cases: [
    { name: 'matrix', inputs: [{ dims: [2, 3] }] },
    { name: 'scalar', inputs: [{ dims: [] }] },
    { name: 'empty', inputs: [{ dims: [0, 2] }] },
    { name: 'float64', inputs: [{ dims: [2], type: 'float64' }] },
    { name: 'integers', inputs: [{ dims: [2, 3], type: 'int64', range: [0, 9] }] },
  ],
})
