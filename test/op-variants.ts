import type { CaseInput, OpCase } from '../src/ops/core/define.ts'

/** The values of attributes that name a choice; by op where the same name means different things. */
export const choices: Readonly<Record<string, readonly string[]>> = {
  auto_pad: ['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'],
  'Pad.mode': ['constant', 'reflect', 'edge', 'wrap'],
  'DepthToSpace.mode': ['DCR', 'CRD'],
  'ScatterElements.reduction': ['none', 'add', 'mul', 'max', 'min'],
  'ScatterND.reduction': ['none', 'add', 'mul', 'max', 'min'],
  'BitShift.direction': ['LEFT', 'RIGHT'],
  'Gelu.approximate': ['none', 'tanh'],
}

/** Ops over [batch, channels, ...space]. */
export const spatial = [
  'AveragePool',
  'BatchNormalization',
  'Conv',
  'ConvTranspose',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'GroupNormalization',
  'InstanceNormalization',
  'MaxPool',
]

/** Ops whose (last) two inputs broadcast against one another. */
export const broadcasting = [
  'Add',
  'And',
  'BitShift',
  'BitwiseAnd',
  'BitwiseOr',
  'BitwiseXor',
  'Div',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Max',
  'Min',
  'Mod',
  'Mul',
  'Or',
  'Pow',
  'Sub',
  'Where',
  'Xor',
]

/** What no case holds, and why. */
export const exceptions: Readonly<Record<string, string>> = {
  'BatchNormalization-7: spatial':
    'Statistics per position (spatial 0) left ONNX with opset 9, and are refused by name: batch-norm-spatial.',
  'Cast-21: saturate':
    'Only casts to 8-bit floats saturate, and the runtime for Node hands those neither in nor out.',
  'CastLike-21: saturate': 'As for Cast.',
  'Constant-21: sparse_value': 'Sparse constants are refused by name: constant-value.',
  'GRU-14: clip': 'A gradient through clip is refused by name: recurrent-clip (recurrent.test.ts).',
  'LSTM-14: clip': 'As for GRU.',
  'RNN-14: clip': 'As for GRU.',
}

interface Lacking {
  readonly op: string
  /** A node that ONNX allows; its name says what of it the runtime has not. */
  readonly item: OpCase
}

const doubles = (...dims: readonly (readonly number[])[]): CaseInput[] =>
  dims.map((one) => ({ dims: one, type: 'float64' }))
const inDoubles = (op: string, ...dims: readonly (readonly number[])[]): Lacking => ({
  op,
  item: {
    name: 'float64',
    inputs: doubles(...dims),
    ...(op.endsWith('Pool') && !op.startsWith('Global') ? { attributes: { kernel_shape: [2, 2] } } : {}),
    ...(op === 'LRN' ? { attributes: { size: 1 } } : {}),
  },
})

const int64s = (values: readonly number[]): CaseInput => ({ dims: [values.length], type: 'int64', values })

const images = [1, 2, 3, 3]

/** What ONNX allows and ONNX Runtime 1.30 refuses on the CPU (or does wrong, so that we refuse it): no variant can have it. */
export const lackingInRuntime: readonly Lacking[] = [
  inDoubles('AveragePool', images),
  inDoubles('Conv', images, [1, 2, 2, 2]),
  inDoubles('ConvTranspose', images, [2, 1, 2, 2]),
  inDoubles('GlobalAveragePool', images),
  inDoubles('GlobalMaxPool', images),
  inDoubles('InstanceNormalization', images, [2], [2]),
  inDoubles('LRN', images),
  ...[
    'Acos',
    'Celu',
    'Cosh',
    'Elu',
    'Erf',
    'Gelu',
    'HardSigmoid',
    'Hardmax',
    'LeakyRelu',
    'Selu',
    'Softplus',
    'Tan',
  ].map((op) => inDoubles(op, [2, 3])),
  {
    op: 'Conv',
    item: {
      name: 'auto_pad SAME with dilations',
      inputs: [{ dims: [1, 1, 5] }, { dims: [1, 1, 2] }],
      attributes: { auto_pad: 'SAME_UPPER', dilations: [2] },
    },
  },
  {
    op: 'ConvTranspose',
    item: {
      name: 'output_padding as large as the stride',
      inputs: [{ dims: [1, 1, 3] }, { dims: [1, 1, 2] }],
      attributes: { output_padding: [1], dilations: [3] },
    },
  },
  {
    op: 'Einsum',
    item: {
      name: 'ellipses of different ranks',
      inputs: [{ dims: [2, 3] }, { dims: [3] }],
      attributes: { equation: '...,...->...' },
    },
  },
  {
    op: 'LRN',
    item: { name: 'anything but images', inputs: [{ dims: [1, 2, 3] }], attributes: { size: 1 } },
  },
  {
    op: 'LayerNormalization',
    item: {
      name: 'statistics in float64',
      inputs: [{ dims: [2, 3] }, { dims: [3] }],
      attributes: { stash_type: 11 },
      outputs: 3,
    },
  },
  {
    op: 'OneHot',
    item: {
      name: 'values in float64',
      inputs: [
        { dims: [2], type: 'int64', values: [0, 1] },
        { dims: [], type: 'int64', values: [2] },
        { dims: [2], type: 'float64', constant: true },
      ],
    },
  },
  {
    op: 'TopK',
    item: { name: 'a tensor without elements', inputs: [{ dims: [0, 3] }, int64s([2])], outputs: 2 },
  },
  ...['reflect', 'wrap'].map((mode) => ({
    op: 'Pad',
    item: {
      name: `mode ${mode} over more than the tensor's own size in front`,
      inputs: [{ dims: [3] }, int64s([4, 0])],
      attributes: { mode },
    },
  })),
  {
    op: 'Pad',
    item: {
      name: 'axes in int32',
      inputs: [{ dims: [2] }, int64s([1, 1]), undefined, { dims: [1], type: 'int32', values: [0] }],
    },
  },
]
