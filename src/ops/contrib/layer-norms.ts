import { float } from '../../onnx/graph.ts'
import {
  add,
  type CompositeContext,
  cast,
  defineComposite,
  type Emitter,
  fromNumbers,
  mul,
  reduceSum,
  required,
  type Value,
} from '../core/index.ts'
import { rootMeanSquareNormalize } from '../norm/index.ts'

const DOMAIN = 'com.microsoft'

/** y = scale x / sqrt(mean(x^2) + epsilon) over the axes from `axis` on, and 1 / that root. */
function rootMeanSquareNorm(
  emit: Emitter,
  x: Value,
  weight: Value,
  settings: { readonly epsilon: number; readonly axis: number },
): readonly [y: Value, inverse: Value] {
  const [normalized, inverse] = rootMeanSquareNormalize(emit, x, settings.axis, settings.epsilon)
  return [mul(emit, normalized, weight), inverse]
}

const simplified = (context: CompositeContext): Value[] => {
  const { emit, attributes } = context
  const settings = { epsilon: attributes.float('epsilon', 1e-5), axis: attributes.int('axis', -1) }
  return [...rootMeanSquareNorm(emit, required(context, 0), required(context, 1), settings)]
}

const simplifiedCases = [
  { name: 'last axis', inputs: [{ dims: [2, 3, 4] }, { dims: [4] }] },
  {
    name: 'two axes',
    inputs: [{ dims: [2, 3, 4] }, { dims: [3, 4] }],
    attributes: { axis: 1, epsilon: float(0.1) },
  },
  { name: 'the inverse, too', inputs: [{ dims: [2, 4] }, { dims: [4] }], outputs: 2, through: [0] },
]

/** Written by ONNX Runtime's optimiser in the standard domain, where ONNX calls it RMSNormalization. */
export const SimplifiedLayerNormalization = defineComposite('', 'SimplifiedLayerNormalization', {
  expand: simplified,
  cases: simplifiedCases,
})

export const ContribSimplifiedLayerNormalization = defineComposite(DOMAIN, 'SimplifiedLayerNormalization', {
  expand: simplified,
  cases: simplifiedCases.map((item) => ({ ...item, withoutKernel: true as const })),
})

/** input + skip, with a bias where there is one. */
function skipped(context: CompositeContext, bias: Value | undefined): Value {
  const { emit } = context
  const sum = add(emit, required(context, 0), required(context, 1))
  return bias ? add(emit, sum, bias) : sum
}

export const SkipLayerNormalization = defineComposite(DOMAIN, 'SkipLayerNormalization', {
  expand: (context) => {
    const { emit, inputs } = context
    const sum = skipped(context, inputs[4])
    const epsilon = float(context.attributes.float('epsilon', 1e-12))
    const y = emit.op('LayerNormalization', [sum, required(context, 2), inputs[3]], { axis: -1, epsilon })
    return [y, undefined, undefined, sum]
  },
  cases: [
    {
      name: 'plain',
      inputs: [{ dims: [2, 3, 4] }, { dims: [2, 3, 4] }, { dims: [4] }, { dims: [4] }],
    },
    {
      name: 'bias, no beta, with the sum',
      inputs: [{ dims: [2, 3, 4] }, { dims: [2, 3, 4] }, { dims: [4] }, undefined, { dims: [4] }],
      attributes: { epsilon: float(1e-3) },
      outputs: 4,
    },
    {
      name: 'skip broadcast',
      inputs: [{ dims: [2, 3, 4] }, { dims: [1, 3, 4] }, { dims: [4] }, { dims: [4] }, { dims: [4] }],
    },
  ],
})

export const SkipSimplifiedLayerNormalization = defineComposite(DOMAIN, 'SkipSimplifiedLayerNormalization', {
  expand: (context) => {
    const sum = skipped(context, context.inputs[3])
    const settings = { epsilon: context.attributes.float('epsilon', 1e-12), axis: -1 }
    const [y] = rootMeanSquareNorm(context.emit, sum, required(context, 2), settings)
    return [y, undefined, undefined, sum]
  },
  cases: [
    { name: 'plain', inputs: [{ dims: [2, 3, 4] }, { dims: [2, 3, 4] }, { dims: [4] }] },
    {
      name: 'bias, with the sum',
      inputs: [{ dims: [2, 3, 4] }, { dims: [2, 3, 4] }, { dims: [4] }, { dims: [4] }],
      attributes: { epsilon: float(1e-3) },
      outputs: 4,
    },
  ],
})

/** Word, position and segment embeddings, summed and normalised. The second output counts the tokens of the mask. */
export const EmbedLayerNormalization = defineComposite(DOMAIN, 'EmbedLayerNormalization', {
  expand: (context) => {
    const { emit, inputs, attributes } = context
    const [, segments, , , segmentTable, , , mask, positions] = inputs
    const ids = required(context, 0)
    const [batch = 1, length = 1] = ids.dims
    const order = emit.constant(
      fromNumbers(
        'int32',
        [1, length],
        Array.from({ length }, (_, at) => at),
      ),
    )
    const word = emit.op('Gather', [required(context, 2), ids])
    const place = emit.op('Gather', [required(context, 3), positions ?? order])
    const both = add(emit, word, place)
    const sum = segments && segmentTable ? add(emit, both, emit.op('Gather', [segmentTable, segments])) : both
    const epsilon = float(attributes.float('epsilon', 1e-12))
    const y = emit.op('LayerNormalization', [sum, required(context, 5), required(context, 6)], {
      axis: -1,
      epsilon,
    })
    const counted = mask
      ? reduceSum(emit, cast(emit, mask, 'int32'), [1])
      : emit.constant(fromNumbers('int32', [batch], new Array<number>(batch).fill(0)))
    return [y, counted, sum]
  },
  cases: [
    {
      name: 'everything',
      inputs: [
        { dims: [2, 3], type: 'int32', values: [1, 0, 4, 2, 2, 3] },
        { dims: [2, 3], type: 'int32', values: [0, 0, 1, 0, 1, 1] },
        { dims: [5, 4] },
        { dims: [3, 4] },
        { dims: [2, 4] },
        { dims: [4] },
        { dims: [4] },
        { dims: [2, 3], type: 'int32', values: [1, 1, 1, 1, 1, 0] },
      ],
      attributes: { epsilon: float(1e-3) },
      outputs: 2,
    },
    {
      name: 'without segments and mask, positions given, with the sum',
      inputs: [
        { dims: [2, 3], type: 'int32', values: [1, 0, 4, 2, 2, 3] },
        undefined,
        { dims: [5, 4] },
        { dims: [3, 4] },
        undefined,
        { dims: [4] },
        { dims: [4] },
        undefined,
        { dims: [2, 3], type: 'int32', values: [2, 1, 0, 0, 1, 2] },
      ],
      outputs: 3,
    },
  ],
})
