import { dtypeOfCode } from '../../onnx/codes.ts'
import { itemAt } from '../../required.ts'
import { int64, sizeOf, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import {
  constantInput,
  defineOp,
  eachPosition,
  foldableInputs,
  fromNumbers,
  LARGEST_FOLD,
  required,
  type ShapeContext,
  shapeError,
  stridesOf,
} from '../core/index.ts'

function dimsAskedFor(context: ShapeContext): number[] {
  const { dims } = required(context, 0)
  const place = (value: number) => Math.min(dims.length, Math.max(0, value < 0 ? value + dims.length : value))
  const start = place(context.attributes.int('start', 0))
  return dims.slice(start, place(context.attributes.int('end', dims.length)))
}

/** The dims of a value, or some of them: known while the graph is built. */
export const Shape = defineOp('Shape', {
  shape: (context) => [{ type: 'int64', dims: [dimsAskedFor(context).length] }],
  gradient: null,
  fold: (_, context) => {
    const dims = dimsAskedFor(context)
    return [int64([dims.length], dims)]
  },
  cases: [
    { name: 'all', inputs: [{ dims: [2, 3, 4] }] },
    { name: 'scalar', inputs: [{ dims: [] }] },
    { name: 'from start', inputs: [{ dims: [2, 3, 4] }], attributes: { start: 1 } },
    { name: 'start and end', inputs: [{ dims: [2, 3, 4] }], attributes: { start: -2, end: -1 } },
    { name: 'nothing left', inputs: [{ dims: [2, 3] }], attributes: { start: 2 } },
    { name: 'end before start', inputs: [{ dims: [2, 3, 4] }], attributes: { start: 2, end: 1 } },
    { name: 'opset 7', inputs: [{ dims: [2, 3] }], opset: 7 },
    { name: 'beyond', inputs: [{ dims: [2, 3, 4] }], attributes: { start: -9, end: 9 } },
  ],
})

/** How many elements a value has. */
export const Size = defineOp('Size', {
  shape: () => [{ type: 'int64', dims: [] }],
  gradient: null,
  fold: (_, context) => [int64([], [sizeOf(required(context, 0).dims)])],
  cases: [
    { name: 'matrix', inputs: [{ dims: [2, 3] }] },
    { name: 'scalar', inputs: [{ dims: [] }] },
  ],
})

function rangeValues(context: ShapeContext): { count: number; start: number; step: number } {
  const [start = 0, limit = 0, step = 1] = [0, 1, 2].map(
    (index) => toNumbers(constantInput(context, index))[0],
  )
  if (step === 0) throw shapeError(context, 'a step of 0 goes nowhere.')
  return { count: Math.max(0, Math.ceil((limit - start) / step)), start, step }
}

const scalarInput = (value: number, type: 'int64' | 'float32' = 'int64') => ({
  dims: [],
  type,
  values: [value],
  constant: true,
})

/** start, start + step, … below limit. */
export const Range = defineOp('Range', {
  shape: (context) => [{ type: required(context, 0).type, dims: [rangeValues(context).count] }],
  gradient: null,
  fold: (_, context) => {
    const { count, start, step } = rangeValues(context)
    if (count > LARGEST_FOLD) return undefined
    const values = Array.from({ length: count }, (_, index) => start + index * step)
    return [fromNumbers(required(context, 0).type, [count], values)]
  },
  cases: [
    { name: 'up', inputs: [scalarInput(1), scalarInput(7), scalarInput(2)] },
    { name: 'down', inputs: [scalarInput(5), scalarInput(-1), scalarInput(-3)] },
    { name: 'nothing', inputs: [scalarInput(5), scalarInput(1), scalarInput(1)] },
    {
      name: 'floats',
      inputs: [scalarInput(0, 'float32'), scalarInput(1, 'float32'), scalarInput(0.25, 'float32')],
    },
    { name: 'more than is folded', inputs: [scalarInput(0), scalarInput(70_000), scalarInput(1)] },
  ],
})

/** The places of what is not zero: decides the output's dims, so its input must be known while the graph is built. */
export const NonZero = defineOp('NonZero', {
  shape: (context) => [{ type: 'int64', dims: [required(context, 0).dims.length, placesOf(context).length] }],
  gradient: null,
  fold: ([x], context) => {
    if (!x || !foldableInputs([x])) return undefined
    const places = placesOf(context)
    return [
      int64(
        [x.dims.length, places.length],
        x.dims.flatMap((_, axis) => places.map((at) => itemAt(at, axis, 'axis'))),
      ),
    ]
  },
  cases: [
    { name: 'vector', inputs: [{ dims: [4], type: 'int64', values: [0, 3, 0, 1] }] },
    { name: 'matrix', inputs: [{ dims: [2, 2], values: [1, 0, 0.5, 0], constant: true }] },
    { name: 'none', inputs: [{ dims: [2], type: 'bool', values: [0, 0] }] },
  ],
})

function placesOf(context: ShapeContext): number[][] {
  const x = constantInput(context, 0)
  const values = toNumbers(x)
  const places: number[][] = []
  eachPosition(x.dims, (at, index) => {
    if (values[index] !== 0) places.push([...at])
  })
  return places
}

function eyeType(context: ShapeContext): TensorType {
  const x = required(context, 0)
  if (x.dims.length !== 2) throw shapeError(context, 'needs a matrix.')
  const code = context.attributes.optionalInt('dtype')
  return { type: (code === undefined ? undefined : dtypeOfCode(code)) ?? x.type, dims: x.dims }
}

/** Ones on a diagonal, in the dims of a matrix whose values do not matter: no gradient reaches it. */
export const EyeLike = defineOp('EyeLike', {
  shape: (context) => [eyeType(context)],
  gradient: () => [],
  fold: (_, context) => {
    const { type, dims } = eyeType(context)
    if (sizeOf(dims) > LARGEST_FOLD) return undefined
    const [stride = 1] = stridesOf(dims)
    const shift = context.attributes.int('k', 0)
    const values = new Array<number>(sizeOf(dims)).fill(0)
    for (let row = 0; row < itemAt(dims, 0, 'axis'); row++) {
      const column = row + shift
      if (column >= 0 && column < stride) values[row * stride + column] = 1
    }
    return [fromNumbers(type, dims, values)]
  },
  cases: [
    { name: 'square', inputs: [{ dims: [3, 3], constant: true }] },
    {
      name: 'above, other type',
      inputs: [{ dims: [2, 4], constant: true }],
      attributes: { k: 1, dtype: 11 },
    },
    { name: 'below', inputs: [{ dims: [4, 2], constant: true }], attributes: { k: -2 } },
    { name: 'more than is folded', inputs: [{ dims: [300, 300], constant: true }] },
  ],
})
