import { UnsupportedOpError } from '../../errors.ts'
import { dtypeOfCode } from '../../onnx/codes.ts'
import { float, floats, strings, tensor } from '../../onnx/graph.ts'
import { itemAt } from '../../required.ts'
import { zeros } from '../../tensor/bytes.ts'
import { float32, int64, sizeOf, type Tensor, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import {
  constantInput,
  constantInts,
  copyElements,
  defineOp,
  eachPosition,
  foldableInputs,
  fromNumbers,
  LARGEST_FOLD,
  nodeLabel,
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

function constantOf(context: ShapeContext): Tensor {
  const { attributes } = context
  const one = attributes.optionalInt('value_int')
  const many = attributes.ints('value_ints')
  const reals = attributes.floats('value_floats')
  const words = attributes.strings('value_strings')
  const given = attributes.tensor('value')
  if (given) return given
  if (one !== undefined) return int64([], [one])
  if (many) return int64([many.length], many)
  if (reals) return float32([reals.length], reals)
  if (words) return { type: 'string', dims: [words.length], data: [...words] }
  const real = attributes.float('value_float', Number.NaN)
  if (!Number.isNaN(real)) return float32([], [real])
  const word = attributes.string('value_string', '')
  if (word !== '') return { type: 'string', dims: [], data: [word] }
  throw new UnsupportedOpError(
    'constant-value',
    `${nodeLabel(context)}: no value was found in its attributes (sparse ones are not read). Save the model with dense constants.`,
  )
}

/** A value written in the graph. */
export const Constant = defineOp('Constant', {
  shape: (context) => [constantOf(context)],
  gradient: null,
  fold: (_, context) => [constantOf(context)],
  cases: [
    { name: 'tensor', inputs: [], attributes: { value: tensor(float32([2, 2], [1, 2, 3, 4])) } },
    { name: 'float', inputs: [], attributes: { value_float: float(1.5) } },
    { name: 'floats', inputs: [], attributes: { value_floats: floats([1, 2]) } },
    { name: 'int', inputs: [], attributes: { value_int: 3 } },
    { name: 'ints', inputs: [], attributes: { value_ints: [3, 4] } },
    { name: 'string', inputs: [], attributes: { value_string: 'a' } },
    { name: 'strings', inputs: [], attributes: { value_strings: strings(['a', 'b']) } },
  ],
})

const fillOf = (context: ShapeContext): Tensor => context.attributes.tensor('value') ?? float32([1], [0])

/** One value, as often as the dims say. */
export const ConstantOfShape = defineOp('ConstantOfShape', {
  shape: (context) => [{ type: fillOf(context).type, dims: constantInts(context, 0) }],
  gradient: null,
  fold: (_, context) => {
    const dims = constantInts(context, 0)
    if (sizeOf(dims) > LARGEST_FOLD) return undefined
    const fill = fillOf(context)
    const out = zeros(fill.type, dims)
    for (let index = 0; index < sizeOf(dims); index++) copyElements(out, index, fill, 0, 1)
    return [out]
  },
  cases: [
    { name: 'zeros', inputs: [{ dims: [2], type: 'int64', values: [2, 3] }] },
    { name: 'scalar', inputs: [{ dims: [0], type: 'int64', values: [] }] },
    {
      name: 'ones of int64',
      inputs: [{ dims: [1], type: 'int64', values: [4] }],
      attributes: { value: tensor(int64([1], [1])) },
    },
    { name: 'more than is folded', inputs: [{ dims: [2], type: 'int64', values: [300, 300] }] },
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
