import { UnsupportedOpError } from '../../errors.ts'
import { nodeLabel } from './shapes.ts'

const random =
  'it draws random numbers by a generator of the runtime, whose state cannot be kept, so a run could not be repeated. Take it out of the model, or feed the numbers as an input.'
const dynamic =
  'how large its output is depends on values, and a training step has fixed dims. Cut it off the model, as post-processing.'
const cache =
  'it keeps a cache of past keys and values, which is for generating, not for training. Export without it.'
const sequence = 'sequences and optionals are not tensors. Export the model without lists of tensors.'
const quantised =
  'it computes in small integers, and no gradient passes those. Train the model that this one was quantised from, and quantise it again.'
const text = 'it works on text. Tokenise before the model.'

/** Standard ops that are refused on purpose, with what to do about it. */
const refusedOps: ReadonlyMap<string, string> = new Map([
  ['Bernoulli', random],
  ['Multinomial', random],
  ['RandomNormal', random],
  ['RandomNormalLike', random],
  ['RandomUniform', random],
  ['RandomUniformLike', random],
  ['NonMaxSuppression', dynamic],
  ['TensorScatter', cache],
  ['ConvInteger', quantised],
  ['QLinearConv', quantised],
  ['QLinearMatMul', quantised],
  ['QuantizeLinear', quantised],
  ['StringConcat', text],
  ['StringNormalizer', text],
  ['StringSplit', text],
  ['RegexFullMatch', text],
  ['TfIdfVectorizer', text],
  ['ConcatFromSequence', sequence],
  ['Optional', sequence],
  ['OptionalGetElement', sequence],
  ['OptionalHasElement', sequence],
  ['SequenceAt', sequence],
  ['SequenceConstruct', sequence],
  ['SequenceEmpty', sequence],
  ['SequenceErase', sequence],
  ['SequenceInsert', sequence],
  ['SequenceLength', sequence],
  ['SequenceMap', sequence],
  ['SplitToSequence', sequence],
])

/** The error for a standard op that is not in the table: what to do, where it is refused on purpose. */
export function unknownOp(node: { readonly op: string; readonly name: string }): UnsupportedOpError {
  const why =
    refusedOps.get(node.op) ?? "this op is not in Holdfast's table. See docs/ops.md for those that are."
  return new UnsupportedOpError('unknown-op', `${nodeLabel(node)}: ${why}`)
}

/** The error for an op of another operator set that has no expansion. */
export function foreignOp(node: {
  readonly op: string
  readonly name: string
  readonly domain: string
}): UnsupportedOpError {
  const why = /^Q[A-Z]|Quantize|MatMulInteger/.test(node.op)
    ? quantised
    : "Holdfast does not know how to write it with standard operators. Export the model with standard ONNX operators only (for ONNX Runtime's own: without its graph optimisation)."
  return new UnsupportedOpError(
    'foreign-domain',
    `${nodeLabel(node)} is of the operator set "${node.domain}": ${why}`,
  )
}
