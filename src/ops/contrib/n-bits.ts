import {
  add,
  type CompositeContext,
  cast,
  defineComposite,
  dimOf,
  type Emitter,
  fromNumbers,
  ints,
  matmul,
  mul,
  refusal,
  required,
  reshape,
  scalar,
  sub,
  transpose,
  type Value,
} from '../core/index.ts'

/** The numbers of `bits` each that lie packed in bytes, lowest bits first: the last axis grows to `count`. */
function unpackBits(emit: Emitter, bytes: Value, bits: number, count: number): Value {
  const lead = bytes.dims.slice(0, -1)
  const wide = dimOf(bytes, -1)
  const each = 8 / bits
  const constant = (value: number) => emit.constant(fromNumbers('uint8', [], [value]))
  const parts = Array.from({ length: each }, (_, index) => {
    const shifted =
      index === 0 ? bytes : emit.op('BitShift', [bytes, constant(index * bits)], { direction: 'RIGHT' })
    const low = each === 1 ? shifted : emit.op('BitwiseAnd', [shifted, constant(2 ** bits - 1)])
    return reshape(emit, low, [...lead, wide, 1])
  })
  const all =
    each === 1 ? bytes : reshape(emit, emit.op('Concat', parts, { axis: -1 }), [...lead, wide * each])
  return wide * each === count
    ? all
    : emit.op('Slice', [all, ints(emit, [0]), ints(emit, [count]), ints(emit, [-1])])
}

/** (q - zero point) scale: the weight [N, K] that the packed one stands for. */
function weightOf(context: CompositeContext): Value {
  const { emit, attributes } = context
  const [rows, columns, block] = [
    attributes.int('N', 0),
    attributes.int('K', 0),
    attributes.int('block_size', 0),
  ]
  const bits = attributes.int('bits', 4)
  if (8 % bits !== 0)
    throw refusal(context, `weights of ${bits} bits have no expansion here; 2, 4 and 8 have.`)
  const blocks = Math.ceil(columns / block)
  const scales = reshape(emit, required(context, 2), [rows, blocks, 1])
  const packed = required(context, 1)
  const values = unpackBits(emit, reshape(emit, packed, [rows, blocks, (block * bits) / 8]), bits, block)
  const zero = zeroPoints(context, { rows, blocks, bits })
  const whole = cast(emit, values, scales.type)
  const weight = reshape(emit, mul(emit, sub(emit, whole, zero), scales), [rows, blocks * block])
  return blocks * block === columns
    ? weight
    : emit.op('Slice', [weight, ints(emit, [0]), ints(emit, [columns]), ints(emit, [1])])
}

/** Packed like the weights, or floats, or the middle of the range where there are none. */
function zeroPoints(
  context: CompositeContext,
  { rows, blocks, bits }: { readonly rows: number; readonly blocks: number; readonly bits: number },
): Value {
  const { emit } = context
  const scales = required(context, 2)
  const given = context.inputs[3]
  if (!given) return scalar(emit, 2 ** (bits - 1), scales)
  if (given.type !== 'uint8') return reshape(emit, given, [rows, blocks, 1])
  const bytes = reshape(emit, given, [rows, Math.ceil((blocks * bits) / 8)])
  return reshape(emit, cast(emit, unpackBits(emit, bytes, bits, blocks), scales.type), [rows, blocks, 1])
}

const bytes = (dims: readonly number[]) => ({ dims, type: 'uint8', range: [0, 256] }) as const
const floats = (dims: readonly number[]) => ({ dims, range: [0.1, 0.5], constant: true }) as const

/** A product with a weight of few bits, which does not train: it stays what it is, and gradients pass to the input. */
export const MatMulNBits = defineComposite('com.microsoft', 'MatMulNBits', {
  expand: (context) => {
    const { emit, inputs } = context
    if (inputs[4])
      throw refusal(context, 'groups of columns in another order (g_idx) have no expansion here.')
    const product = matmul(emit, required(context, 0), transpose(emit, weightOf(context), [1, 0]))
    return [inputs[5] ? add(emit, product, inputs[5]) : product]
  },
  cases: [
    {
      name: '4 bits',
      inputs: [{ dims: [2, 32] }, bytes([3, 2, 8]), floats([6])],
      attributes: { N: 3, K: 32, bits: 4, block_size: 16 },
    },
    {
      name: '4 bits, zero points, columns that fill no block, bias',
      inputs: [{ dims: [2, 40] }, bytes([3, 3, 8]), floats([9]), bytes([6]), undefined, { dims: [3] }],
      attributes: { N: 3, K: 40, bits: 4, block_size: 16 },
    },
    {
      name: '8 bits, zero points',
      inputs: [{ dims: [2, 32] }, bytes([3, 2, 16]), floats([6]), bytes([6])],
      attributes: { N: 3, K: 32, bits: 8, block_size: 16 },
    },
    {
      name: '4 bits, zero points that are floats',
      inputs: [{ dims: [2, 32] }, bytes([3, 2, 8]), floats([6]), floats([6])],
      attributes: { N: 3, K: 32, bits: 4, block_size: 16 },
    },
  ],
})
