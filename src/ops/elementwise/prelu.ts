import {
  broadcastDims,
  broadcastSquares,
  defineOp,
  type Emitter,
  expand,
  foldElementwise,
  mul,
  type OpCase,
  required,
  rowsElementwise,
  sameAsFirst,
  shapeError,
  type Value,
} from '../core/index.ts'
import { isPositive, negativePart } from './activations.ts'

/** dslope = dy min(x, 0), with the dims of x. */
const slopeGradient = (emit: Emitter, x: Value, dy: Value): Value => mul(emit, dy, negativePart(emit, x))

const sloped = (slope: readonly number[], x: readonly number[] = [2, 3, 2]): OpCase => ({
  name: `slope [${slope}]`,
  inputs: [
    { dims: x, distinct: true, range: [-2, 2] },
    { dims: slope, range: [0.1, 0.5], parameter: true },
  ],
})

/** y = x where x > 0, else slope x; the slope broadcasts to x: dx = dy or slope dy, dslope = dy min(x, 0). */
export const PRelu = defineOp('PRelu', {
  shape: (context) => {
    const x = required(context, 0)
    const slope = required(context, 1)
    const dims = broadcastDims(context, x.dims, slope.dims)
    if (dims.length !== x.dims.length || dims.some((dim, axis) => dim !== x.dims[axis]))
      throw shapeError(context, 'the slope must broadcast to the first input.')
    return sameAsFirst(context)
  },
  gradient: ({ emit, inputs: [x, slope], gradients: [dy], needs }) => {
    if (!x || !slope || !dy) return []
    return [
      needs[0] ? emit.op('Where', [isPositive(emit, x), dy, mul(emit, dy, slope)]) : undefined,
      needs[1] ? slopeGradient(emit, x, dy) : undefined,
    ]
  },
  squares: ({ emit, inputs: [x, slope], gradients: [dy], needs, samples }) => {
    if (!x || !slope || !dy || !needs[1]) return []
    const full = expand(emit, slopeGradient(emit, x, dy), x.dims)
    return [undefined, broadcastSquares(emit, full, slope.dims, samples)]
  },
  rows: rowsElementwise,
  fold: foldElementwise((x, slope) => (x > 0 ? x : slope * x)),
  cases: [
    sloped([2]),
    sloped([3, 1]),
    sloped([1]),
    sloped([]),
    sloped([3, 2]),
    sloped([1, 3, 1]),
    sloped([3, 1, 1], [2, 3, 2, 2]),
    {
      name: 'scalar',
      inputs: [
        { dims: [], values: [-0.6] },
        { dims: [], values: [0.3] },
      ],
    },
    { name: 'opset 7', inputs: [{ dims: [2, 3, 2], distinct: true }, { dims: [3, 1] }], opset: 7 },
    { name: 'empty', inputs: [{ dims: [0, 2] }, { dims: [2] }] },
    {
      name: 'slope of full dims',
      inputs: [
        { dims: [2, 3], distinct: true },
        { dims: [2, 3], range: [0.1, 0.5] },
      ],
    },
  ],
})
