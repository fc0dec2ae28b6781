import { float, type Node } from '../../onnx/graph.ts'
import { required } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'
import { type FoldedConv, foldedConvs } from './folded-convs.ts'

/** Of the values of each channel, over rows and positions. */
export interface ChannelStatistics {
  readonly mean: Float32Array
  readonly variance: Float32Array
}

const EPSILON = 1e-5
const MOMENTUM = 0.9

const namesOf = ({ weight }: FoldedConv) => ({
  scale: `${weight}/norm/scale`,
  shift: `${weight}/norm/shift`,
  mean: `${weight}/norm/mean`,
  variance: `${weight}/norm/variance`,
})

/**
 * The model with a batch norm behind convolutions that its export folded theirs into. Each starts with the convolution's own
 * statistics: it divides by the standard deviation what its scale multiplies again, so at inference answers are the same but
 * for rounding. In training it follows the batch, and its running statistics follow, too; {@link foldNorms} folds it back.
 *
 * @param model With parameters; norms are put behind those of {@link foldedConvs} that have statistics.
 * @param statistics By the name of a convolution's output.
 * @example
 * const normed = withNorms(model, await convStatistics(engine, model, dataset))
 * // … train it …
 * const weights = foldNorms(model, trained.parameters, trained.buffers)
 */
export function withNorms(model: Model, statistics: ReadonlyMap<string, ChannelStatistics>): Model {
  const convs = new Map(foldedConvs(model).map((conv) => [conv.output, conv]))
  const parameters = new Map(model.parameters)
  const buffers = new Map(model.buffers)
  const nodes = model.graph.nodes.flatMap((node): readonly Node[] => {
    const [output = ''] = node.outputs
    const [conv, found] = [convs.get(output), statistics.get(output)]
    if (!conv || !found) return [node]
    const names = namesOf(conv)
    const vector = (values: Float32Array) => float32([values.length], values)
    parameters.set(names.scale, vector(deviations(found.variance)))
    parameters.set(names.shift, vector(found.mean.slice()))
    buffers.set(names.mean, vector(found.mean.slice()))
    buffers.set(names.variance, vector(found.variance.slice()))
    const before = `${output}/before-norm`
    return [
      { ...node, outputs: [before] },
      {
        op: 'BatchNormalization',
        domain: '',
        name: `${output}/norm`,
        inputs: [before, names.scale, names.shift, names.mean, names.variance],
        outputs: [output],
        attributes: { epsilon: float(EPSILON), momentum: float(MOMENTUM) },
      },
    ]
  })
  return { ...model, graph: { ...model.graph, nodes }, parameters, buffers }
}

/** In float32, so that a norm that was not trained is folded back into the very same weights. */
const deviations = (variance: Float32Array): Float32Array =>
  variance.map((value) => Math.sqrt(value + EPSILON))

/**
 * The parameters of the model without the norms of {@link withNorms}: weight scale / deviation, and (bias - mean) scale /
 * deviation + shift, under the names that the model has for them. Norms that were not trained leave the weights as they are, bit for
 * bit.
 *
 * @param model As it was before norms were put in.
 * @param parameters Of the model with norms; what is no convolution's is handed on.
 * @param buffers Running statistics of the norms.
 */
export function foldNorms(
  model: Model,
  parameters: ReadonlyMap<string, Tensor>,
  buffers: ReadonlyMap<string, Tensor>,
): Map<string, Tensor> {
  const folded = new Map(parameters)
  for (const conv of foldedConvs(model)) {
    const names = namesOf(conv)
    if (!parameters.has(names.scale)) continue
    const numbers = (from: ReadonlyMap<string, Tensor>, name: string) =>
      required(from, name, 'tensor').data as Float32Array
    const [scale, shift] = [numbers(parameters, names.scale), numbers(parameters, names.shift)]
    const [mean, variance] = [numbers(buffers, names.mean), numbers(buffers, names.variance)]
    const factors = Float64Array.from(deviations(variance), (value, at) => (scale[at] ?? 0) / value)
    const weight = required(parameters, conv.weight, 'parameter')
    const bias = required(parameters, conv.bias, 'parameter')
    const inner = weight.data.length / factors.length
    folded.set(
      conv.weight,
      float32(
        weight.dims,
        (weight.data as Float32Array).map((value, at) => value * (factors[Math.floor(at / inner)] ?? 0)),
      ),
    )
    // A norm that was not trained adds nothing, not even to a -0.
    const offsets = factors.map((factor, at) => (shift[at] ?? 0) - (mean[at] ?? 0) * factor)
    const moved = (bias.data as Float32Array).map((value, at) => {
      const scaled = value * (factors[at] ?? 0)
      return offsets[at] === 0 ? scaled : scaled + (offsets[at] ?? 0)
    })
    folded.set(conv.bias, float32(bias.dims, moved))
    folded.delete(names.scale)
    folded.delete(names.shift)
  }
  return folded
}
