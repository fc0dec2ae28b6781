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
