import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { type ChannelStatistics, foldedConvs } from '../../model/adapters/index.ts'
import type { Model } from '../../model/model.ts'
import { plainNode as node } from '../../onnx/graph.ts'
import { nodesBehind } from '../../onnx/walk.ts'
import { itemAt, required } from '../../required.ts'
import { eachOutput } from '../outputs.ts'

/**
 * Mean and variance of each channel of the convolutions that batch norms may have been folded into, over rows and
 * positions, by the name of the convolution's output: for `withNorms`. One pass.
 *
 * @param model Of the layers above a cut, say, with activations for data.
 * @example
 * const normed = withNorms(above, await convStatistics(engine, above, activations))
 */
export async function convStatistics(
  engine: Engine,
  model: Model,
  dataset: Dataset,
): Promise<ReadonlyMap<string, ChannelStatistics>> {
  const convs = foldedConvs(model).map(({ output, weight }) => ({
    output,
    channels: itemAt(required(model.parameters, weight, 'parameter').dims, 0, 'dim'),
  }))
  if (convs.length === 0) return new Map()
  const width = convs.reduce((sum, { channels }) => sum + channels, 0)
  const outputs = convs.map(({ output }) => output)
  const sums = { rows: 0, means: new Float64Array(width), squares: new Float64Array(width) }
  await eachOutput(engine, rowMoments(model, outputs), dataset, ({ dims, data }) => {
    const [rows = 0] = dims
    for (let row = 0; row < rows; row++) addRow(sums, data.subarray(2 * width * row, 2 * width * (row + 1)))
    sums.rows += rows
  })
  const mean = Float32Array.from(sums.means, (sum) => sum / sums.rows)
  const variance = Float32Array.from(sums.squares, (sum, at) =>
    Math.max(0, sum / sums.rows - ((sums.means[at] ?? 0) / sums.rows) ** 2),
  )
  const ends = convs.map((_, at) => convs.slice(0, at + 1).reduce((sum, { channels }) => sum + channels, 0))
  return new Map(
    convs.map(({ output, channels }, at) => {
      const end = itemAt(ends, at, 'end of channels')
      const part = (values: Float32Array) => values.slice(end - channels, end)
      return [output, { mean: part(mean), variance: part(variance) }]
    }),
  )
}

interface Sums {
  readonly means: Float64Array
  readonly squares: Float64Array
}

/** A row's mean of each channel, and then its variance over positions, which is what the mean of squares lacks. */
function addRow({ means, squares }: Sums, row: Float32Array): void {
  const width = means.length
  for (let channel = 0; channel < width; channel++) {
    const mean = row[channel] ?? 0
    means[channel] = (means[channel] ?? 0) + mean
    squares[channel] = (squares[channel] ?? 0) + mean * mean + (row[width + channel] ?? 0)
  }
}

/** Gives [N, 2 * channels]: the mean of each channel over positions, and then the variance of each. */
function rowMoments(model: Model, outputs: readonly string[]): Model {
  const { nodes } = nodesBehind(model.graph.nodes, outputs)
  const flat = (name: string) => `${name}/flat`
  const moments = outputs.flatMap((output) => {
    const [mean, centred, square, variance] = ['mean', 'centred', 'square', 'variance'].map(
      (part) => `${output}/moments/${part}`,
    ) as [string, string, string, string]
    return {
      mean: flat(mean),
      variance: flat(variance),
      nodes: [
        node('GlobalAveragePool', [output], mean),
        node('Sub', [output, mean], centred),
        node('Mul', [centred, centred], square),
        node('GlobalAveragePool', [square], variance),
        ...[mean, variance].map((name) => node('Flatten', [name], flat(name), { axis: 1 })),
      ],
    }
  })
  const all = [...moments.map(({ mean }) => mean), ...moments.map(({ variance }) => variance)]
  const output = 'moments'
  const added = [...moments.flatMap((each) => each.nodes), node('Concat', all, output, { axis: 1 })]
  return { ...model, graph: { ...model.graph, nodes: [...nodes, ...added], outputs: [] }, output }
}
