import { UnsupportedOpError } from '../errors.ts'
import { sameDims, type TensorType } from '../tensor/tensor.ts'
import { defineOp, type GradientContext, type OpCase, type ShapeContext, type Value } from './define.ts'
import { filled } from './emit.ts'
import { nodeLabel, positiveAxis, required, shapeError } from './shapes.ts'

/** 'none' or 'add'; the others keep no trace of which operand won. */
function reductionOf(context: GradientContext): 'none' | 'add' {
  const reduction = context.attributes.string('reduction', 'none')
  if (reduction === 'none' || reduction === 'add') return reduction
  throw new UnsupportedOpError(
    'not-differentiable',
    `${nodeLabel(context)}: a gradient has to pass, but there is a rule for reductions none and add only, not for ` +
      `"${reduction}". Freeze the parameters before it, or replace the node.`,
  )
}

function elementsShape(context: ShapeContext): TensorType[] {
  const data = required(context, 0)
  const indices = required(context, 1)
  positiveAxis(context, context.attributes.int('axis', 0), data.dims.length)
  if (!sameDims(indices.dims, required(context, 2).dims) || indices.dims.length !== data.dims.length)
    throw shapeError(context, 'indices and updates must be of one shape, and of the rank of the data.')
  return [{ type: data.type, dims: data.dims }]
}

const list = (dims: readonly number[], values: readonly number[]) => ({
  dims,
  type: 'int64' as const,
  values,
})

const withReductions = (cases: readonly OpCase[]): OpCase[] => [
  ...cases,
  ...cases.map((item) => ({
    ...item,
    name: `${item.name}, added`,
    attributes: { ...item.attributes, reduction: 'add' },
  })),
]

/**
 * Y = X with updates put (or added) at the indices along an axis. dUpdates = dY at the indices; dX = dY, without what
 * was overwritten. Where indices repeat without a reduction, the specification leaves the result open.
 */
export const ScatterElements = defineOp('ScatterElements', {
  shape: elementsShape,
  gradient: (context) => {
    const { emit, attributes, needs } = context
    const [dy] = context.gradients
    if (!dy) return []
    const reduction = reductionOf(context)
    const indices = required(context, 1)
    const updates = required(context, 2)
    const axis = attributes.int('axis', 0)
    const overwritten = () => emit.op('ScatterElements', [dy, indices, filled(emit, 0, updates)], { axis })
    return [
      needs[0] && reduction === 'none' ? overwritten() : dy,
      undefined,
      needs[2] ? emit.op('GatherElements', [dy, indices], { axis }) : undefined,
    ]
  },
  rows: ({ carries, attributes, inputs: [data, indices] }) => {
    const axis = attributes.int('axis', 0)
    const along = axis === 0 || axis === -(data?.dims.length ?? 0)
    return !along && carries.slice(0, 3).every(Boolean) && indices?.dims[0] === data?.dims[0]
  },
  cases: [
    ...withReductions([
      { name: 'first axis', inputs: [{ dims: [3, 2] }, list([2, 2], [0, 2, 1, 0]), { dims: [2, 2] }] },
      {
        name: 'last axis',
        inputs: [{ dims: [2, 4] }, list([2, 2], [0, 3, 1, -1]), { dims: [2, 2] }],
        attributes: { axis: 1 },
      },
      {
        name: 'negative axis, float64',
        inputs: [{ dims: [2, 3], type: 'float64' }, list([2, 1], [0, 2]), { dims: [2, 1], type: 'float64' }],
        attributes: { axis: -1 },
      },
    ]),
    {
      name: 'repeated indices, added',
      inputs: [{ dims: [2, 3] }, list([2, 3], [0, 0, 2, 1, 1, 1]), { dims: [2, 3] }],
      attributes: { axis: 1, reduction: 'add' },
    },
  ],
})

function ndShape(context: ShapeContext): TensorType[] {
  const data = required(context, 0)
  const indices = required(context, 1)
  const depth = indices.dims.at(-1) ?? 0
  const expected = [...indices.dims.slice(0, -1), ...data.dims.slice(depth)]
  if (depth > data.dims.length || !sameDims(required(context, 2).dims, expected))
    throw shapeError(context, `updates must have dims [${expected}].`)
  return [{ type: data.type, dims: data.dims }]
}

const replaced = (emit: GradientContext['emit'], data: Value, indices: Value, updates: Value): Value =>
  emit.op('ScatterND', [data, indices, updates])

/** Y = X with slices put (or added) where tuples of indices say. Gradients as for ScatterElements. */
export const ScatterND = defineOp('ScatterND', {
  shape: ndShape,
  gradient: (context) => {
    const { emit, needs } = context
    const [dy] = context.gradients
    if (!dy) return []
    const reduction = reductionOf(context)
    const indices = required(context, 1)
    const updates = required(context, 2)
    return [
      needs[0] && reduction === 'none' ? replaced(emit, dy, indices, filled(emit, 0, updates)) : dy,
      undefined,
      needs[2] ? emit.op('GatherND', [dy, indices]) : undefined,
    ]
  },
  cases: [
    ...withReductions([
      { name: 'rows', inputs: [{ dims: [4, 3] }, list([2, 1], [2, 0]), { dims: [2, 3] }] },
      { name: 'elements', inputs: [{ dims: [2, 3] }, list([2, 2], [0, 1, 1, -1]), { dims: [2] }] },
      {
        name: 'a grid of rows, float64',
        inputs: [
          { dims: [5, 2], type: 'float64' },
          list([2, 2, 1], [0, 4, 2, 1]),
          { dims: [2, 2, 2], type: 'float64' },
        ],
      },
    ]),
    {
      name: 'repeated rows, added',
      inputs: [{ dims: [3, 2] }, list([3, 1], [1, 1, 2]), { dims: [3, 2] }],
      attributes: { reduction: 'add' },
    },
  ],
})
