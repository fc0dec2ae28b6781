import { float, type Node, plainNode } from '../../onnx/graph.ts'
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
      plainNode(
        'BatchNormalization',
        [before, names.scale, names.shift, names.mean, names.variance],
        output,
        { epsilon: float(EPSILON), momentum: float(MOMENTUM) },
      ),
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
    const { scale, shift } = namesOf(conv)
    if (!parameters.has(scale)) continue
    for (const [name, tensor] of foldedIn(conv, parameters, buffers)) folded.set(name, tensor)
    folded.delete(scale)
    folded.delete(shift)
  }
  return folded
}

function foldedIn(
  conv: FoldedConv,
  parameters: ReadonlyMap<string, Tensor>,
  buffers: ReadonlyMap<string, Tensor>,
): readonly [string, Tensor][] {
  const names = namesOf(conv)
  const parameter = (name: string) => required(parameters, name, 'parameter') as Tensor<'float32'>
  const buffer = (name: string) => required(buffers, name, 'buffer') as Tensor<'float32'>
  const [scale, shift] = [parameter(names.scale).data, parameter(names.shift).data]
  const [mean, deviation] = [buffer(names.mean).data, deviations(buffer(names.variance).data)]
  const [weight, bias] = [parameter(conv.weight), parameter(conv.bias)]
  const factors = Float64Array.from(deviation, (value, at) => (scale[at] ?? 0) / value)
  const offsets = factors.map((factor, at) => (shift[at] ?? 0) - (mean[at] ?? 0) * factor)
  const inner = weight.data.length / factors.length
  const scaled = weight.data.map((value, at) => value * (factors[Math.floor(at / inner)] ?? 0))
  const moved = bias.data.map((value, at) => {
    const product = value * (factors[at] ?? 0)
    // A norm that was not trained adds nothing, not even to a -0.
    return offsets[at] === 0 ? product : product + (offsets[at] ?? 0)
  })
  return [
    [conv.weight, float32(weight.dims, scaled)],
    [conv.bias, float32(bias.dims, moved)],
  ]
}
