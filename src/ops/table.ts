import * as activations from './activations.ts'
import * as arithmetic from './arithmetic.ts'
import * as averagePool from './average-pool.ts'
import * as batchNormalization from './batch-normalization.ts'
import * as bitwise from './bitwise.ts'
import * as blocks from './blocks.ts'
import * as cast from './cast.ts'
import * as col2im from './col2im.ts'
import * as concat from './concat.ts'
import * as conv from './conv.ts'
import * as convTranspose from './conv-transpose.ts'
import * as cumulative from './cumulative.ts'
import type { OpDefinition } from './define.ts'
import * as einsum from './einsum.ts'
import * as expand from './expand.ts'
import * as extremumIndex from './extremum-index.ts'
import * as gather from './gather.ts'
import * as gatherNd from './gather-nd.ts'
import * as gridSample from './grid-sample.ts'
import * as groupNormalization from './group-normalization.ts'
import * as gru from './gru.ts'
import * as layout from './layout.ts'
import * as localNormalization from './local-normalization.ts'
import * as logic from './logic.ts'
import * as lpPool from './lp-pool.ts'
import * as lstm from './lstm.ts'
import * as matmul from './matmul.ts'
import * as maxPool from './max-pool.ts'
import * as normalization from './normalization.ts'
import * as pad from './pad.ts'
import * as random from './random.ts'
import * as reduce from './reduce.ts'
import * as reduceMore from './reduce-more.ts'
import * as resize from './resize.ts'
import * as reverseSequence from './reverse-sequence.ts'
import * as rnn from './rnn.ts'
import * as rounding from './rounding.ts'
import * as scatter from './scatter.ts'
import * as select from './select.ts'
import * as shapeArithmetic from './shape-arithmetic.ts'
import * as shrink from './shrink.ts'
import * as slice from './slice.ts'
import * as softmax from './softmax.ts'
import * as trigonometry from './trigonometry.ts'
import * as unary from './unary.ts'

const isDefinition = (value: unknown): value is OpDefinition =>
  typeof value === 'object' && value !== null && 'op' in value && 'shape' in value

/** Every op Holdfast knows, by name. */
export const opTable: ReadonlyMap<string, OpDefinition> = new Map(
  [
    einsum,
    normalization,
    localNormalization,
    gridSample,
    groupNormalization,
    batchNormalization,
    shrink,
    slice,
    shapeArithmetic,
    select,
    scatter,
    pad,
    gatherNd,
    expand,
    conv,
    convTranspose,
    maxPool,
    averagePool,
    cumulative,
    col2im,
    concat,
    blocks,
    activations,
    arithmetic,
    bitwise,
    cast,
    extremumIndex,
    gather,
    layout,
    logic,
    lpPool,
    matmul,
    random,
    reduce,
    reduceMore,
    lstm,
    gru,
    rnn,
    resize,
    reverseSequence,
    rounding,
    softmax,
    trigonometry,
    unary,
  ]
    .flatMap((family) => Object.values<unknown>(family))
    .filter(isDefinition)
    .map((definition) => [definition.op, definition]),
)
