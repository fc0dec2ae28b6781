import { UnsupportedOpError } from '../../errors.ts'
import { float, floats, strings, tensor } from '../../onnx/graph.ts'
import { zeros } from '../../tensor/bytes.ts'
import { float32, int64, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import {
  constantInts,
  copyElements,
  defineOp,
  LARGEST_FOLD,
  nodeLabel,
  type ShapeContext,
} from '../core/index.ts'

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
