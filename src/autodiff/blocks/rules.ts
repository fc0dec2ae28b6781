import {
  allAlongAxis,
  alongAxis,
  cumulated,
  gathers,
  padded,
  reductions,
  sliced,
  transposed,
} from './axis-rules.ts'
import type { BlockRule } from './call.ts'
import { castLike, elementwise, elementwiseOps } from './elementwise-rules.ts'
import { einsum, gemm, matmul, recurrent } from './product-rules.ts'
import { onRows, resized } from './row-rules.ts'
import { expanded, renamed, tiled } from './shape-rules.ts'

const named = (ops: readonly string[], rule: BlockRule): [string, BlockRule][] => ops.map((op) => [op, rule])

const rules: ReadonlyMap<string, BlockRule> = new Map([
  ...named(elementwiseOps, elementwise),
  ...named(['CastLike'], castLike),
  ...named(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'], renamed),
  ...named(['Identity'], ({ inputs: [x] }) => (x ? [x] : undefined)),
  ...named(['Expand'], expanded),
  ...named(['Tile'], tiled),
  ...named(['Transpose'], transposed),
  ...named(
    ['Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization', 'LayerNormalization', 'TopK', 'Trilu'],
    alongAxis(-1),
  ),
  ...named(['Split', 'ArgMax', 'ArgMin'], alongAxis(0)),
  ...named(['Concat', 'GatherElements', 'ScatterElements'], allAlongAxis),
  ...named(['CumSum'], cumulated),
  ...named(
    [
      'ReduceL1',
      'ReduceL2',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceMax',
      'ReduceMean',
      'ReduceMin',
      'ReduceProd',
      'ReduceSum',
      'ReduceSumSquare',
    ],
    reductions,
  ),
  ...named(['Slice'], sliced),
  ...named(['Pad'], padded),
  ...named(['Gather'], gathers),
  ...named(['MatMul'], matmul),
  ...named(['Gemm'], gemm),
  ...named(['Einsum'], einsum),
  ...named(['LSTM', 'GRU', 'RNN'], recurrent),
  ...named(
    [
      'AveragePool',
      'BatchNormalization',
      'Conv',
      'ConvTranspose',
      'DepthToSpace',
      'GlobalAveragePool',
      'GlobalLpPool',
      'GlobalMaxPool',
      'GroupNormalization',
      'InstanceNormalization',
      'LRN',
      'LpPool',
      'MaxPool',
      'SpaceToDepth',
    ],
    onRows,
  ),
  ...named(['Resize'], resized),
])

export const ruleFor = (op: string): BlockRule | undefined => rules.get(op)
