import { float } from '../../onnx/graph.ts'
import { sameDims, sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  broadcastSquares,
  type CaseInput,
  defineOp,
  dimOf,
  expand,
  type GradientContext,
  mul,
  type OpDefinition,
  reduceSum,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  type SquaresContext,
  type SquareTerm,
  scale as scaled,
  shapeError,
  sub,
  sumTo,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'
import { normalizeRows } from './normalization.ts'

type Groups = (context: Omit<ShapeContext, 'outputs'>) => number

export const channelsOf = (context: Omit<ShapeContext, 'outputs'>): number => dimOf(required(context, 0), 1)

export const groupShape =
  (groups: Groups) =>
  (context: ShapeContext): TensorType[] => {
    const x = required(context, 0)
    const channels = channelsOf(context)
    if (x.dims.length < 3 || channels % groups(context) !== 0)
      throw shapeError(
        context,
        `needs dims [batch, channels, ...] with channels in ${groups(context)} equal groups.`,
      )
    for (const index of [1, 2]) {
      if (!sameDims(required(context, index).dims, [channels]))
        throw shapeError(context, `scale and bias must have one number a channel (${channels}).`)
    }
    return [{ type: x.type, dims: x.dims }]
  }

/** Sums over space, [batch, channels, 1], of dy and of dy xhat; and what the input's gradient needs besides. */
function channelSums(context: GradientContext, groups: Groups, dy: Value) {
  const { emit, attributes } = context
  const { dims } = required(context, 0)
  const [batch = 0, channels = 0, ...space] = dims
  const count = groups(context)
  const rows = reshape(emit, required(context, 0), [batch * count, sizeOf(dims) / (batch * count)])
  const { normalized, inverse } = normalizeRows(emit, rows, attributes.float('epsilon', 1e-5))
  const flat = [batch, channels, sizeOf(space)]
  const xhat = reshape(emit, normalized, flat)
  const d = reshape(emit, dy, flat)
  const total = (x: Value) => reduceSum(emit, x, [2], true)
  return {
    batch,
    channels,
    count,
    xhat,
    inverse,
    d,
    sumOfD: total(d),
    sumOfProduct: total(mul(emit, d, xhat)),
  }
}

/**
 * y = scale xhat + bias, xhat = (x - mean) / deviation over the channels of a group and all of space. With g = dy scale and
 * n elements in a group:
 *
 *     dx = (g - sum(g) / n - xhat sum(g xhat) / n) / deviation,   dscale = sum(dy xhat),   dbias = sum(dy)
 *
 * The sums of g are those of dy per channel, weighted by scale: small, so that dx takes four passes over memory.
 */
export const groupGradient =
  (groups: Groups): NonNullable<OpDefinition['gradient']> =>
  (context) => {
    const { emit, needs } = context
    const [dy] = context.gradients
    if (!dy) return []
    const { batch, channels, count, xhat, inverse, d, sumOfD, sumOfProduct } = channelSums(
      context,
      groups,
      dy,
    )
    const perChannel = [batch, channels, 1]
    const dx = () => {
      const weight = reshape(emit, required(context, 1), [channels, 1])
      const perGroup = [batch, count, channels / count]
      // One number a group, given back to each of its channels.
      const ofGroup = (sums: Value) => {
        const total = reduceSum(emit, reshape(emit, mul(emit, sums, weight), perGroup), [2], true)
        return scaled(emit, total, (batch * count) / sizeOf(xhat.dims))
      }
      const rate = reshape(emit, inverse, [batch, count, 1])
      const toChannels = (x: Value) => reshape(emit, expand(emit, x, perGroup), perChannel)
      const own = mul(emit, d, mul(emit, toChannels(rate), weight))
      const along = mul(emit, xhat, toChannels(mul(emit, rate, ofGroup(sumOfProduct))))
      const level = toChannels(mul(emit, rate, ofGroup(sumOfD)))
      return reshape(emit, sub(emit, sub(emit, own, along), level), dy.dims)
    }
    const summed = (sums: Value) => sumTo(emit, reshape(emit, sums, [batch, channels]), [channels])
    return [
      needs[0] ? dx() : undefined,
      needs[1] ? summed(sumOfProduct) : undefined,
      needs[2] ? summed(sumOfD) : undefined,
    ]
  }

export const groupSquares =
  (groups: Groups) =>
  (context: SquaresContext): (SquareTerm | undefined)[] => {
    const { emit, needs, carries, samples } = context
    const [dy] = context.gradients
    if (!dy || !carries[0]) return []
    const { batch, channels, sumOfD, sumOfProduct } = channelSums(context, groups, dy)
    const term = (sums: Value) =>
      broadcastSquares(emit, reshape(emit, sums, [batch, channels]), [channels], samples)
    return [undefined, needs[1] ? term(sumOfProduct) : undefined, needs[2] ? term(sumOfD) : undefined]
  }

export const positiveScale = (dims: readonly number[], parameter = false): CaseInput => ({
  dims,
  range: [0.5, 1.5],
  ...(parameter ? { parameter: true } : {}),
})

/** Up to opset 20 scale and bias had one number a group; now one a channel. */
function perChannel({ attributes, inputs, opset, emit }: UpgradeContext) {
  const [x, ...parameters] = inputs
  const count = attributes.num_groups
  const channels = x?.dims[1] ?? 0
  if (opset >= 21 || typeof count !== 'number') return { inputs, attributes }
  const spread = parameters.map(
    (parameter) =>
      parameter &&
      reshape(emit, expand(emit, reshape(emit, parameter, [count, 1]), [count, channels / count]), [
        channels,
      ]),
  )
  const { stash_type: _, ...rest } = attributes
  return { inputs: [x, ...spread], attributes: rest }
}

const groupsAsked: Groups = (context) => context.attributes.int('num_groups', 1)

/** Normalises each sample's groups of channels (Wu and He 2018). ONNX Runtime's CPU has it in float32. */
export const GroupNormalization = defineOp('GroupNormalization', {
  shape: groupShape(groupsAsked),
  gradient: groupGradient(groupsAsked),
  squares: groupSquares(groupsAsked),
  rows: rowsFirst,
  upgrade: perChannel,
  cases: [
    {
      name: 'images',
      inputs: [{ dims: [2, 6, 2, 2] }, positiveScale([6]), { dims: [6] }],
      attributes: { num_groups: 3 },
    },
    {
      name: 'sequences',
      inputs: [{ dims: [2, 4, 5] }, positiveScale([4]), { dims: [4] }],
      attributes: { num_groups: 2 },
    },
    {
      name: 'volumes, a batch of one',
      inputs: [{ dims: [1, 4, 2, 1, 3] }, positiveScale([4]), { dims: [4] }],
      attributes: { num_groups: 2 },
    },
    {
      name: 'float64',
      inputs: [
        { dims: [2, 4, 3], type: 'float64' },
        { dims: [4], type: 'float64' },
        { dims: [4], type: 'float64' },
      ],
      attributes: { num_groups: 2 },
    },
    {
      name: 'stash_type',
      inputs: [{ dims: [2, 4, 3] }, positiveScale([4]), { dims: [4] }],
      attributes: { num_groups: 2, stash_type: 11 },
    },
    {
      name: 'one group',
      inputs: [{ dims: [2, 4, 3] }, positiveScale([4]), { dims: [4] }],
      attributes: { num_groups: 1 },
    },
    {
      name: 'epsilon',
      inputs: [{ dims: [2, 4, 3] }, positiveScale([4]), { dims: [4] }],
      attributes: { num_groups: 4, epsilon: float(0.1) },
    },
    {
      name: 'squares of scale',
      inputs: [{ dims: [4, 6, 2, 3] }, positiveScale([6], true), { dims: [6] }],
      attributes: { num_groups: 3 },
    },
    {
      name: 'squares of bias',
      inputs: [{ dims: [4, 6, 2, 3] }, positiveScale([6]), { dims: [6], parameter: true }],
      attributes: { num_groups: 2 },
    },
    {
      name: 'one scale a group, opset 18',
      inputs: [{ dims: [2, 6, 3] }, positiveScale([3]), { dims: [3] }],
      attributes: { num_groups: 3 },
      opset: 18,
    },
  ],
})
