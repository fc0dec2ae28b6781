import {
  type CaseInput,
  type CompositeCase,
  type CompositeContext,
  cast,
  defineComposite,
  div,
  ints,
  mul,
  neg,
  reduceSum,
  required,
  reshape,
  scalar,
  type Value,
} from '../core/index.ts'

/**
 * -w[t] logp[t] for each target t, then none, sum, or mean: the sum divided by that of the weights. Targets equal to
 * `ignore_index` weigh nothing.
 */
function negativeLogLikelihood(context: CompositeContext, logProbabilities: Value): Value {
  const { emit, attributes } = context
  const target = required(context, 1)
  const weights = context.inputs[2]
  const ignored = attributes.optionalInt('ignore_index')
  const isIgnored =
    ignored === undefined ? undefined : emit.op('Equal', [target, scalar(emit, ignored, target)])
  // An ignored target may lie outside the classes; any class will do in its place.
  const safe = isIgnored ? emit.op('Where', [isIgnored, scalar(emit, 0, target), target]) : target
  const column = reshape(emit, safe, target.dims.toSpliced(1, 0, 1))
  const chosen = emit.op('GatherElements', [logProbabilities, column], { axis: 1 })
  const each = neg(emit, reshape(emit, chosen, target.dims))
  const counted = isIgnored && cast(emit, emit.op('Not', [isIgnored]), each.type)
  const own = weights && emit.op('Gather', [weights, safe], { axis: 0 })
  const weight = own && counted ? mul(emit, own, counted) : (own ?? counted)
  const weighted = weight ? mul(emit, each, weight) : each
  const all = target.dims.map((_, axis) => axis)
  const total = (x: Value) => reduceSum(emit, x, all)
  switch (attributes.string('reduction', 'mean')) {
    case 'none':
      return weighted
    case 'sum':
      return total(weighted)
    default:
      if (weight) return div(emit, total(weighted), total(weight))
      return emit.op('ReduceMean', [weighted, ints(emit, all)], { keepdims: 0 })
  }
}

export const NegativeLogLikelihoodLoss = defineComposite('', 'NegativeLogLikelihoodLoss', {
  expand: (context) => [negativeLogLikelihood(context, required(context, 0))],
  cases: lossCases(1),
})

/** The second output is the logarithm of the softmax along the classes. */
export const SoftmaxCrossEntropyLoss = defineComposite('', 'SoftmaxCrossEntropyLoss', {
  expand: (context) => {
    const logProbabilities = context.emit.op('LogSoftmax', [required(context, 0)], { axis: 1 })
    return [negativeLogLikelihood(context, logProbabilities), logProbabilities].slice(0, context.outputs)
  },
  cases: [...lossCases(1), ...lossCases(2)],
})

function lossCases(outputs: number): CompositeCase[] {
  const scores: CaseInput = { dims: [3, 4] }
  const maps: CaseInput = { dims: [2, 3, 2, 2] }
  const classes = (dims: readonly number[], values: readonly number[]): CaseInput => ({
    dims,
    type: 'int64',
    values,
  })
  const targets = classes([3], [2, 0, 3])
  const targetMaps = classes([2, 2, 2], [0, 1, 2, 1, 2, 2, 0, 1])
  const weights: CaseInput = { dims: [4], range: [0.5, 1.5], constant: true }
  return ['mean', 'sum', 'none'].flatMap((reduction): CompositeCase[] =>
    [
      { name: 'rows', inputs: [scores, targets] },
      { name: 'weights', inputs: [scores, targets, weights] },
      { name: 'maps', inputs: [maps, targetMaps] },
      { name: 'ignored', inputs: [scores, classes([3], [2, -1, 3])], attributes: { ignore_index: -1 } },
      {
        name: 'ignored, weights',
        inputs: [scores, classes([3], [2, 9, 3]), weights],
        attributes: { ignore_index: 9 },
      },
      { name: 'int32', inputs: [scores, { ...targets, type: 'int32' as const }] },
    ].map((item) => ({
      ...item,
      name: `${item.name}, ${reduction}${outputs > 1 ? ', with logarithms' : ''}`,
      attributes: { ...item.attributes, reduction },
      outputs,
      opset: 13,
    })),
  )
}
