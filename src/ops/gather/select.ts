import { UnsupportedOpError } from '../../errors.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import {
  constantInts,
  defineOp,
  dimOf,
  filled,
  ints,
  nodeLabel,
  positiveAxis,
  required,
  type ShapeContext,
  shapeError,
} from '../core/index.ts'

/**
 * Ones (or the given value) at the indices, zeros (or the other) elsewhere, along a new axis. Integers cannot be
 * differentiated, and the two values are settings.
 */
export const OneHot = defineOp('OneHot', {
  shape: (context) => {
    const indices = required(context, 0)
    const axis = positiveAxis(context, context.attributes.int('axis', -1), indices.dims.length + 1)
    const [depth = 0] = constantInts(context, 1)
    return [{ type: required(context, 2).type, dims: indices.dims.toSpliced(axis, 0, depth) }]
  },
  gradient: null,
  rows: ({ carries, attributes, inputs: [indices] }) => {
    const axis = attributes.int('axis', -1)
    return carries[0] === true && axis !== 0 && axis !== -(indices?.dims.length ?? 0) - 1
  },
  // ONNX Runtime has no kernel for float64 values on the CPU.
  cases: [
    oneHotCase('last axis', {}),
    oneHotCase('middle axis', { axis: 1 }),
    oneHotCase('first axis', { axis: 0 }),
    oneHotCase('negative axis', { axis: -2 }),
    {
      name: 'depth [1], int32',
      inputs: [
        { dims: [2], type: 'int32', values: [2, 0] },
        { dims: [1], type: 'int32', values: [3] },
        { dims: [2], values: [-1, 5], constant: true },
      ],
    },
    {
      name: 'indices beyond the depth, float depth',
      inputs: [
        { dims: [4], type: 'int64', values: [-4, 3, 5, -5] },
        { dims: [], values: [4], constant: true },
        { dims: [2], values: [0.5, 2], constant: true },
      ],
    },
    {
      name: 'opset 9',
      inputs: [
        { dims: [2], type: 'int64', values: [0, 2] },
        { dims: [], type: 'int64', values: [3] },
        { dims: [2], values: [0, 1], constant: true },
      ],
      attributes: { axis: 0 },
      opset: 9,
    },
  ],
})

function oneHotCase(name: string, attributes: { axis?: number }) {
  const indices = { dims: [2, 3], type: 'int64' as const, values: [0, 3, 1, -1, 2, 0] }
  const depth = { dims: [], type: 'int64' as const, values: [4] }
  return { name, attributes, inputs: [indices, depth, { dims: [2], values: [0, 1], constant: true }] }
}

function topAxis(context: Omit<ShapeContext, 'outputs'>): number {
  const full: ShapeContext = { ...context, outputs: 2 }
  return positiveAxis(full, context.attributes.int('axis', -1), required(full, 0).dims.length)
}

const k = (value: number) => ({ dims: [1], type: 'int64' as const, values: [value] })

/** The k largest or smallest along an axis, and where they were: that is where the gradient goes. */
export const TopK = defineOp('TopK', {
  shape: (context) => {
    const x = required(context, 0)
    const axis = topAxis(context)
    const [count = 0] = constantInts(context, 1)
    // ONNX Runtime 1.30 divides by zero there, which ends the process.
    if (sizeOf(x.dims) === 0) throw shapeError(context, 'ONNX Runtime takes no tensor without elements here.')
    if (count > dimOf(x, axis)) throw shapeError(context, `axis ${axis} has fewer than ${count} elements.`)
    const dims = x.dims.with(axis, count)
    return [
      { type: x.type, dims },
      { type: 'int64', dims },
    ]
  },
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const [dy] = context.gradients
    const [, indices] = context.outputs
    if (!dy) return []
    if (!indices) {
      throw new UnsupportedOpError(
        'not-differentiable',
        `${nodeLabel(context)}: a gradient has to pass, but the node leaves its second output (the indices) out. ` +
          'Give that output a name.',
      )
    }
    return [emit.op('ScatterElements', [filled(emit, 0, x), indices, dy], { axis: topAxis(context) })]
  },
  rows: (context) => context.carries[0] === true && topAxis({ op: 'TopK', name: '', ...context }) !== 0,
  // Before opset 10 k was an attribute.
  upgrade: ({ attributes: { k: count, ...rest }, inputs, emit }) =>
    typeof count === 'number'
      ? { inputs: [inputs[0], ints(emit, [count])], attributes: rest }
      : { inputs, attributes: rest },
  cases: [
    { name: 'largest', inputs: [{ dims: [2, 5], distinct: true }, k(2)], outputs: 2 },
    {
      name: 'smallest',
      inputs: [{ dims: [2, 5], distinct: true }, k(3)],
      attributes: { largest: 0 },
      outputs: 2,
    },
    {
      name: 'first axis',
      inputs: [{ dims: [4, 2], distinct: true }, k(2)],
      attributes: { axis: 0 },
      outputs: 2,
    },
    {
      name: 'negative axis',
      inputs: [{ dims: [2, 3, 2], distinct: true }, k(1)],
      attributes: { axis: -2 },
      outputs: 2,
    },
    {
      name: 'unsorted',
      inputs: [{ dims: [2, 5], distinct: true }, k(2)],
      attributes: { sorted: 0 },
      outputs: 2,
    },
    { name: 'float64', inputs: [{ dims: [4], type: 'float64', distinct: true }, k(2)], outputs: 2 },
    {
      name: 'smallest of the first axis, unsorted',
      inputs: [{ dims: [4, 2], distinct: true }, k(2)],
      attributes: { axis: 0, largest: 0, sorted: 0 },
      outputs: 2,
    },
    { name: 'all', inputs: [{ dims: [2, 3], distinct: true }, k(3)], outputs: 2 },
    { name: 'none', inputs: [{ dims: [2, 3], distinct: true }, k(0)], outputs: 2 },
    {
      name: 'int64',
      inputs: [{ dims: [2, 4], type: 'int64', range: [0, 90], constant: false }, k(2)],
      outputs: 2,
    },
    {
      name: 'opset 10',
      inputs: [{ dims: [2, 5], distinct: true }, k(2)],
      attributes: { axis: 0 },
      outputs: 2,
      opset: 10,
    },
    {
      name: 'k as attribute, other axis',
      inputs: [{ dims: [3, 2], distinct: true }],
      attributes: { k: 1, axis: 0 },
      outputs: 2,
      opset: 7,
    },
    {
      name: 'k as attribute',
      inputs: [{ dims: [2, 5], distinct: true }],
      attributes: { k: 2 },
      outputs: 2,
      opset: 9,
    },
  ],
})
