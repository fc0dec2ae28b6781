import { GraphBuilder } from '../autodiff/builder.ts'
import { scan } from '../autodiff/scan.ts'
import { type Dataset, ignoredLabel, kindOf, samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { openPace, paced } from '../engine/pace.ts'
import { UsageError } from '../errors.ts'
import type { RowLosses } from '../measure/text-scores.ts'
import { applyModel } from '../model/apply.ts'
import type { Model } from '../model/model.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { cast, ints, mul, neg, reshape, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'
import { MOST_LOGITS } from './evaluate.ts'
import { predictRows } from './predict.ts'
import type { Weights } from './reader.ts'

/**
 * What each row of a data set of tokens costs a model, in nats, with the tokens and bytes that this is for. Only sums a row leave
 * the runtime, however large the vocabulary is. Rows that know no document are documents of their own, without bytes.
 *
 * @param weights Parameters and buffers in place of the model's own, by name.
 * @throws UsageError `row-losses` for labels that are not one class a token.
 * @example
 * const losses = await rowLosses(engine, model, test)
 * bitsPerByte(totalLoss(documentLosses(losses)))
 */
export async function rowLosses(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  weights: Weights = new Map(),
): Promise<RowLosses> {
  if (kindOf(dataset) !== 'token-classification') {
    throw new UsageError(
      'row-losses',
      `Data set '${dataset.name}' has ${kindOf(dataset)} labels; losses of texts need a label for each token.`,
    )
  }
  const rows = samples(dataset)
  const length = itemAt(dataset.labels.dims, 1, 'axis')
  const tokens = new Float64Array(rows)
  for (const [at, label] of dataset.labels.data.entries()) {
    if (label !== ignoredLabel) tokens[Math.floor(at / length)] = (tokens[Math.floor(at / length)] ?? 0) + 1
  }
  const losses = {
    tokens,
    bytes: dataset.documents?.bytes ?? new Float64Array(rows),
    documents: dataset.documents?.of ?? Int32Array.from({ length: rows }, (_, row) => row),
  }
  return { ...losses, nats: await sumsOf(engine, model, dataset, weights) }
}

async function sumsOf(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  weights: Weights,
): Promise<Float64Array> {
  const count = samples(dataset)
  const nats = new Float64Array(count)
  if (count === 0) return nats
  const { bytes, inputs, size } = lossGraph(model, dataset)
  const executable = await engine.load(bytes)
  const own = (prefix: string, tensors: ReadonlyMap<string, Tensor>) =>
    [...tensors].map(([name, tensor]) => [`${prefix}/${name}`, weights.get(name) ?? tensor] as const)
  const given = new Map<string, Tensor>([
    ...own('parameter', model.parameters),
    ...own('buffer', model.buffers),
    ['inputs', dataset.inputs],
    ['labels', dataset.labels],
  ])
  const feeds = new Map([...given].filter(([name]) => inputs.has(name)))
  const rows = predictRows(dataset, size)
  try {
    await paced(
      itemAt(rows.dims, 0, 'axis'),
      async (from, batches) => {
        const data = rows.data.subarray(from * size, (from + batches) * size)
        const answer = await executable.run(feeds.set('rows', { type: 'int32', dims: [batches, size], data }))
        const sums = required(answer, 'losses', 'output').data as Float32Array
        // The last row fills up the last batch.
        nats.set(sums.subarray(0, Math.min(sums.length, count - from * size)), from * size)
      },
      openPace(Number.MAX_SAFE_INTEGER),
    )
  } finally {
    await executable.dispose()
  }
  return nats
}

/** Reads `inputs`, `labels`, `rows` int32 [batches, size] and the weights by name; gives `losses` [batches, size], sums in nats. */
function lossGraph(model: Model, dataset: Dataset) {
  const { inputs: stored, labels: targets, preprocessing, classes } = dataset
  const positions = sizeOf(targets.dims.slice(1))
  const room = Math.floor(MOST_LOGITS / (positions * Math.max(1, classes.length)))
  const size = Math.max(1, Math.min(250, samples(dataset), room))
  const builder = new GraphBuilder()
  const table = (name: string, { type, dims }: Tensor) =>
    builder.input(name, { type, dims }, ['rows_of_data', ...dims.slice(1)])
  const inputs = table('inputs', stored)
  const labels = table('labels', targets)
  const rows = builder.input('rows', { type: 'int32', dims: [1, size] }, ['batches', size])
  const named = (prefix: string, tensors: ReadonlyMap<string, Tensor>) =>
    new Map([...tensors].map(([name, tensor]) => [name, builder.input(`${prefix}/${name}`, tensor)]))
  const parameters = named('parameter', model.parameters)
  const buffers = named('buffer', model.buffers)
  const result = scan(builder, [], [rows], (body, _state, [chosen]) => {
    if (!chosen) return { state: [], outputs: [] }
    const batch = { stored: body.op('Gather', [inputs, chosen]), preprocessing }
    const { logits } = applyModel(body, model, batch, { parameters, buffers })
    return { state: [], outputs: [rowSums(body, logits, body.op('Gather', [labels, chosen]))] }
  })
  builder.output(itemAt(result.outputs, 0, 'output'), 'losses', ['batches', size])
  const graph = builder.finish('row-losses')
  return { bytes: encodeGraph(graph), inputs: new Set(graph.inputs.map(({ name }) => name)), size }
}

/** Sum of -log softmax(logits)[label] over the places that count, [rows]. Logits are [rows, T, V], labels int32 [rows, T]. */
function rowSums(builder: GraphBuilder, logits: Value, labels: Value): Value {
  const none = builder.constant({ type: 'int32', dims: [], data: Int32Array.of(ignoredLabel) })
  const zero = builder.constant({ type: 'int32', dims: [], data: Int32Array.of(0) })
  const ignored = builder.op('Equal', [labels, none])
  const known = cast(builder, builder.op('Where', [ignored, zero, labels]), 'int64')
  const each = reshape(builder, known, [...labels.dims, 1])
  const likely = builder.op('GatherElements', [builder.op('LogSoftmax', [logits], { axis: -1 }), each], {
    axis: 2,
  })
  const counting = cast(builder, builder.op('Not', [ignored]), logits.type)
  const costs = neg(builder, mul(builder, reshape(builder, likely, labels.dims), counting))
  return builder.op('ReduceSum', [costs, ints(builder, [1])], { keepdims: 0 })
}
