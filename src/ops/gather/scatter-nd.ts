import { sameDims, type TensorType } from '../../tensor/tensor.ts'
import { defineOp, dimOf, required, type ShapeContext, shapeError } from '../core/index.ts'
import { apart, scatterCase, scatterGradient, withReductions } from './scatter.ts'

function ndShape(context: ShapeContext): TensorType[] {
  const data = required(context, 0)
  const indices = required(context, 1)
  const depth = dimOf(indices, -1)
  const expected = [...indices.dims.slice(0, -1), ...data.dims.slice(depth)]
  if (depth > data.dims.length || !sameDims(required(context, 2).dims, expected))
    throw shapeError(context, `updates must have dims [${expected}].`)
  return [{ type: data.type, dims: data.dims }]
}

/** Y = X with slices put where tuples of indices say, or combined with what is there. */
export const ScatterND = defineOp('ScatterND', {
  shape: ndShape,
  gradient: (context) => {
    const { emit } = context
    const indices = required(context, 1)
    return scatterGradient(context, {
      put: (data, updates, reduction) => emit.op('ScatterND', [data, indices, updates], { reduction }),
      read: (from) => emit.op('GatherND', [from, indices]),
    })
  },
  cases: [
    ...withReductions([
      { name: 'rows', inputs: [apart([4, 3]), scatterCase([2, 1], [2, 0]), apart([2, 3], 3)] },
      { name: 'elements', inputs: [apart([2, 3]), scatterCase([2, 2], [0, 1, 1, -1]), apart([2], 3)] },
      {
        name: 'a grid of rows, float64',
        inputs: [
          apart([5, 2], 0, 'float64'),
          scatterCase([2, 2, 1], [0, 4, 2, 1]),
          apart([2, 2, 2], 2, 'float64'),
        ],
      },
      { name: 'one tuple', inputs: [apart([2, 3]), scatterCase([1], [-1]), apart([3], 4)] },
    ]),
    ...['add', 'mul', 'max', 'min'].map((reduction) => ({
      name: `repeated rows, ${reduction}`,
      inputs: [apart([3, 2]), scatterCase([3, 1], [1, 1, 2]), apart([3, 2], 4)],
      attributes: { reduction },
    })),
    {
      name: 'integers',
      inputs: [
        { dims: [4], type: 'int64', range: [0, 9], constant: false },
        scatterCase([2, 1], [3, -4]),
        { dims: [2], type: 'int64', range: [0, 9], constant: false },
      ],
    },
    {
      name: 'added, opset 16',
      inputs: [apart([3]), scatterCase([2, 1], [1, 1]), apart([2], 3)],
      attributes: { reduction: 'add' },
      opset: 16,
    },
    { name: 'opset 11', inputs: [apart([3]), scatterCase([2, 1], [1, -1]), apart([2], 3)], opset: 11 },
  ],
})
