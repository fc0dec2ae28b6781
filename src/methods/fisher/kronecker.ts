import { GraphBuilder } from '../../autodiff/builder.ts'
import { backward } from '../../autodiff/gradients.ts'
import { scan } from '../../autodiff/scan.ts'
import { samples as countSamples, kindOf } from '../../data/dataset.ts'
import { loadable } from '../../engine/loadable.ts'
import { UsageError } from '../../errors.ts'
import { applyModel, weightInputs } from '../../model/apply.ts'
import { add, filled, matmul, transpose, type Value } from '../../ops/core/index.ts'
import { itemAt, required } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { chosenRows, divided, summedRows } from './fisher.ts'
import { type FisherContext, type FisherGraph, forEachClass } from './fisher-graph.ts'
import { type LinearLayer, linearLayers } from './linear-layers.ts'
import { type FisherOptions, fisherDefaults } from './options.ts'

/** Of one layer, with x its input, 1 behind it where it has a bias, and g the gradient of log p(c|x) at its output. */
export interface KroneckerFactors {
  readonly layer: LinearLayer
  /** 1/N sum_n x x^T, float32 [in, in]. */
  readonly inputs: Tensor<'float32'>
  /** 1/N sum_n sum_c p(c|x_n) g g^T, float32 [out, out]. */
  readonly gradients: Tensor<'float32'>
}

/**
 * The exact Fisher of each linear layer as a Kronecker product (K-FAC: Martens & Grosse 2015, ICML): of vec(W b) it is about A (x) G, the
 * expectation of a product taken for the product of expectations, which is exact for one row. Layers with more than one vector a row
 * (tokens, convolutions), or whose weights something else reads, are left out.
 *
 * @throws UsageError `fisher-targets` for labels that are not one class a row; `fisher-samples`.
 * @example
 * const factors = await kroneckerFactors({ engine, model, parameters: model.parameters, dataset, random })
 */
export async function kroneckerFactors(
  options: Omit<FisherOptions, 'labels'>,
): Promise<readonly KroneckerFactors[]> {
  const { dataset, model } = options
  if (kindOf(dataset) !== 'classification') {
    throw new UsageError(
      'fisher-targets',
      `Kronecker factors are taken over one class a row, but the labels of "${dataset.name}" are for ${kindOf(dataset)}. Take ewc, or a method without a Fisher.`,
    )
  }
  const rows = chosenRows(options)
  const layers = layersOf(options, linearLayers(model))
  if (layers.length === 0) return []
  const batchSize = Math.min(options.batchSize ?? fisherDefaults.batchSize, rows.length)
  const asked = sumsOf(layers)
  const { sums } = await summedRows(options, rows, {
    ...{ batchSize, labels: 'exact', sums: asked },
    build: (size) => buildGraph(options, layers, { batchSize: size, asked }),
  })
  const mean = (name: string): Tensor<'float32'> => divided(required(sums, name, 'sum'), rows.length)
  return layers.map((layer) => ({
    layer,
    inputs: mean(`sum/inputs/${layer.weight}`),
    gradients: mean(`sum/gradients/${layer.weight}`),
  }))
}

/** A layer with how many numbers it reads, the 1 of a bias included, and gives. */
interface Sized extends LinearLayer {
  readonly inputs: number
  readonly outputs: number
}

/** The sums of layers by name, and their dims. */
const sumsOf = (layers: readonly Sized[]): ReadonlyMap<string, readonly number[]> =>
  new Map(
    layers.flatMap(({ weight, inputs, outputs }) => [
      [`sum/inputs/${weight}`, [inputs, inputs]] as const,
      [`sum/gradients/${weight}`, [outputs, outputs]] as const,
    ]),
  )

/** Those that see one vector a row: told by what a batch of two rows comes to. */
function layersOf(options: Omit<FisherOptions, 'labels'>, layers: readonly LinearLayer[]): readonly Sized[] {
  const { model, dataset } = options
  const builder = new GraphBuilder()
  const [, ...row] = dataset.inputs.dims
  const stored = builder.input('stored', { type: dataset.inputs.type, dims: [2, ...row] })
  const { seen } = through(builder, options, stored, weightInputs(builder, model), layers)
  return layers.flatMap((layer) => {
    const { dims } = required(seen, layer.input, 'value')
    const { dims: given } = required(seen, layer.output, 'value')
    if (dims.length !== 2 || dims[0] !== 2 || given.length !== 2) return []
    const inputs = itemAt(dims, 1, 'dim') + (layer.bias === undefined ? 0 : 1)
    return [{ ...layer, inputs, outputs: itemAt(given, 1, 'dim') }]
  })
}

type Weights = ReturnType<typeof weightInputs>

function through(
  emit: GraphBuilder,
  { model, dataset }: Pick<FisherOptions, 'model' | 'dataset'>,
  stored: Value,
  weights: Weights,
  layers: readonly LinearLayer[],
): { readonly logits: Value; readonly seen: ReadonlyMap<string, Value> } {
  const names = [...new Set(layers.flatMap(({ input, output }) => [input, output]))]
  const rows = { stored, preprocessing: dataset.preprocessing }
  const { logits, values } = applyModel(emit, model, rows, { ...weights, values: names })
  return { logits, seen: values }
}

/** Adds to the sums of each layer what batches of `rows` [batches, batchSize] come to. */
function buildGraph(
  options: Omit<FisherOptions, 'labels'>,
  layers: readonly Sized[],
  { batchSize, asked }: { readonly batchSize: number; readonly asked: ReturnType<typeof sumsOf> },
): FisherGraph {
  const { model, dataset, engine } = options
  const builder = new GraphBuilder(undefined, { flat: engine.flat })
  const inputs = builder.input('inputs', dataset.inputs, ['rows_of_data', ...dataset.inputs.dims.slice(1)])
  const targets = builder.input('labels', { type: 'int32', dims: [countSamples(dataset)] }, ['rows_of_data'])
  const rows = builder.input('rows', { type: 'int32', dims: [1, batchSize] }, ['batches', batchSize])
  const weights = weightInputs(builder, model)
  const context: FisherContext = {
    ...{ options, labels: 'exact', names: [...model.parameters.keys()], inputs },
    ...weights,
  }
  const names = [...asked.keys()]
  const sums = [...asked].map(([name, dims]) => builder.input(name, { type: 'float32', dims }))
  const result = scan(builder, sums, [rows], (body, state, [chosen]) => {
    if (!chosen) return { state, outputs: [] }
    const stored = body.op('Gather', [inputs, chosen])
    const { logits, seen } = through(body, options, stored, weights, layers)
    const labels = body.op('Gather', [targets, chosen])
    const outputs = layers.map(({ output }) => required(seen, output, 'value'))
    const batch = { rows: chosen, labels, uniforms: undefined }
    const found = forEachClass(body, context, batch, logits, (inner, gradient) =>
      backward(body, [{ of: logits, gradient }], outputs, inner).map((g, at) =>
        gram(inner, g ?? filled(inner, 0, itemAt(outputs, at, 'output'))),
      ),
    )
    const next = layers.flatMap((layer, at) => [
      gram(body, withOne(body, required(seen, layer.input, 'value'), layer)),
      itemAt(found, at, 'sum'),
    ])
    return { state: state.map((sum, at) => add(body, sum, itemAt(next, at, 'sum'))), outputs: [] }
  })
  result.state.forEach((value, at) => {
    builder.output(value, `${itemAt(names, at, 'sum')}/next`)
  })
  const graph = builder.finish('kronecker')
  return { ...loadable(graph), inputs: new Set(graph.inputs.map(({ name }) => name)), oneByOne: [] }
}

/** x^T x of rows [n, d]. */
const gram = (emit: GraphBuilder, x: Value): Value => matmul(emit, transpose(emit, x, [1, 0]), x)

function withOne(emit: GraphBuilder, x: Value, { bias }: LinearLayer): Value {
  if (bias === undefined) return x
  const ones = float32([itemAt(x.dims, 0, 'dim'), 1])
  ones.data.fill(1)
  return emit.op('Concat', [x, emit.constant(ones)], { axis: 1 })
}
