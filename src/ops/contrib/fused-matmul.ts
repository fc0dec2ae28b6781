import { float, floats } from '../../onnx/graph.ts'
import {
  add,
  type CompositeContext,
  defineComposite,
  matmul,
  refusal,
  required,
  scalar,
  scale,
  swapLast,
  transpose,
  type Value,
} from '../core/index.ts'

const DOMAIN = 'com.microsoft'

/**
 * An operand as the product reads it. `transBatch` moves the first axis behind the batch: [m, ...batch, k] becomes
 * [...batch, m, k].
 */
function operand(context: CompositeContext, index: 0 | 1): Value {
  const { emit, attributes } = context
  const letter = index === 0 ? 'A' : 'B'
  const x = required(context, index)
  const rank = x.dims.length
  if (rank < 2) return x
  const batchFirst = attributes.int(`transBatch${letter}`, 0) === 1 && rank > 2
  const axes = x.dims.map((_, axis) => axis)
  const moved = batchFirst ? transpose(emit, x, [...axes.slice(1, -1), 0, rank - 1]) : x
  return attributes.int(`trans${letter}`, 0) === 1 ? swapLast(emit, moved) : moved
}

function fusedMatMul(context: CompositeContext): Value[] {
  const { emit } = context
  const product = matmul(emit, operand(context, 0), operand(context, 1))
  return [scale(emit, product, context.attributes.float('alpha', 1))]
}

export const FusedMatMul = defineComposite(DOMAIN, 'FusedMatMul', {
  expand: fusedMatMul,
  cases: [
    { name: 'plain', inputs: [{ dims: [2, 3] }, { dims: [3, 4] }] },
    {
      name: 'transposed and scaled',
      inputs: [{ dims: [2, 3, 2] }, { dims: [2, 4, 3] }],
      attributes: { transA: 1, transB: 1, alpha: float(0.5) },
    },
    {
      name: 'batch in the middle',
      inputs: [{ dims: [3, 2, 4] }, { dims: [2, 2, 4] }],
      attributes: { transBatchA: 1, transB: 1 },
    },
    {
      name: 'both from the middle, transposed',
      inputs: [{ dims: [3, 2, 4] }, { dims: [5, 2, 3] }],
      attributes: { transBatchA: 1, transBatchB: 1, transA: 1, transB: 1 },
    },
    { name: 'vector', inputs: [{ dims: [3] }, { dims: [4, 3] }], attributes: { transA: 1, transB: 1 } },
  ],
})

export const TransposeMatMul = defineComposite(DOMAIN, 'TransposeMatMul', {
  expand: fusedMatMul,
  cases: [
    {
      name: 'transposed',
      inputs: [{ dims: [3, 2] }, { dims: [3, 4] }],
      attributes: { transA: 1, alpha: float(2) },
    },
  ],
})

/** The activation that an optimiser fused behind a product or convolution, with its settings by place. */
function activated(context: CompositeContext, x: Value, settings: readonly number[]): Value {
  const { emit } = context
  const name = context.attributes.string('activation', '')
  const setting = (index: number, fallback: number) => float(settings[index] ?? fallback)
  switch (name) {
    case '':
      return x
    case 'Relu':
    case 'Tanh':
    case 'Sigmoid':
    case 'Softplus':
    case 'Softsign':
      return emit.op(name, [x])
    case 'LeakyRelu':
      return emit.op(name, [x], { alpha: setting(0, 0.01) })
    case 'Elu':
    case 'ThresholdedRelu':
      return emit.op(name, [x], { alpha: setting(0, 1) })
    case 'HardSigmoid':
      return emit.op(name, [x], { alpha: setting(0, 0.2), beta: setting(1, 0.5) })
    case 'Clip': {
      const [low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY] = settings
      return emit.op('Clip', [x, scalar(emit, low, x), scalar(emit, high, x)])
    }
    default:
      throw refusal(context, `its activation "${name}" is not known. Export without fused activations.`)
  }
}

export const FusedGemm = defineComposite(DOMAIN, 'FusedGemm', {
  expand: (context) => {
    const { emit, attributes, inputs } = context
    const product = emit.op('Gemm', inputs.slice(0, 3), {
      alpha: float(attributes.float('alpha', 1)),
      beta: float(attributes.float('beta', 1)),
      transA: attributes.int('transA', 0),
      transB: attributes.int('transB', 0),
    })
    const named = ['activation_alpha', 'activation_beta'].flatMap((key) => {
      const value = attributes.float(key, Number.NaN)
      return Number.isNaN(value) ? [] : [value]
    })
    return [activated(context, product, named)]
  },
  cases: [
    {
      name: 'Relu',
      inputs: [{ dims: [2, 3], distinct: true }, { dims: [3, 4], distinct: true }, { dims: [4] }],
      attributes: { activation: 'Relu' },
    },
    {
      name: 'LeakyRelu, transposed',
      inputs: [
        { dims: [2, 3], distinct: true },
        { dims: [4, 3], distinct: true },
      ],
      attributes: { activation: 'LeakyRelu', activation_alpha: float(0.3), transB: 1, alpha: float(2) },
    },
  ],
})

export const FusedConv = defineComposite(DOMAIN, 'FusedConv', {
  expand: (context) => {
    const { emit, attributes, inputs } = context
    const lists = ['kernel_shape', 'strides', 'pads', 'dilations'].flatMap((key) => {
      const value = attributes.ints(key)
      return value ? [[key, value] as const] : []
    })
    const convolved = emit.op('Conv', inputs.slice(0, 3), {
      ...Object.fromEntries(lists),
      group: attributes.int('group', 1),
      auto_pad: attributes.string('auto_pad', 'NOTSET'),
    })
    const [, , , sum] = inputs
    const total = sum ? add(emit, convolved, sum) : convolved
    return [activated(context, total, attributes.floats('activation_params') ?? [])]
  },
  cases: [
    {
      name: 'Relu',
      inputs: [
        { dims: [1, 2, 3, 3], distinct: true },
        { dims: [2, 2, 2, 2], distinct: true },
        { dims: [2], values: [4, -4] },
      ],
      attributes: { activation: 'Relu', pads: [1, 0, 0, 1] },
    },
    {
      name: 'a sum, Clip',
      inputs: [{ dims: [1, 1, 3, 3] }, { dims: [1, 1, 2, 2] }, { dims: [1] }, { dims: [1, 1, 2, 2] }],
      attributes: { activation: 'Clip', activation_params: floats([-5, 5]) },
    },
    {
      name: 'HardSigmoid',
      inputs: [{ dims: [1, 2, 3] }, { dims: [2, 1, 2] }],
      attributes: { activation: 'HardSigmoid', activation_params: floats([0.1, 0.4]), group: 2 },
    },
    { name: 'nothing fused', inputs: [{ dims: [1, 1, 3] }, { dims: [1, 1, 2] }] },
  ],
})
