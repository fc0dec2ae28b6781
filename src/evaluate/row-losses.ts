import type { GraphBuilder } from '../autodiff/builder.ts'
import { type Dataset, ignoredLabel, kindOf, samples } from '../data/dataset.ts'
import { rowChunks } from '../data/row-chunks.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import type { RowLosses } from '../measure/text-scores.ts'
import type { Model } from '../model/model.ts'
import { cast, mul, neg, reshape, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type FromLogitsRun, openFromLogits } from './from-logits.ts'
import type { Weights } from './weights.ts'

/**
 * What each row of a data set of tokens costs a model, in nats, with the tokens and bytes that this is for. Only a number a token leaves
 * the runtime, however large the vocabulary is. Rows that know no document are documents of their own, without bytes.
 *
 * @param weights Parameters and buffers in place of the model's own, by name.
 * @param onRows After each call of the runtime: rows that are done, of so many.
 * @throws UsageError `row-losses` for labels that are not one class a token.
 * @example
 * const losses = await rowLosses(engine, model, test)
 * bitsPerByte(totalLoss(documentLosses(losses)))
 */
export async function rowLosses(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  weights?: Weights | undefined,
  onRows?: FromLogitsRun['onRows'],
): Promise<RowLosses> {
  const open = await openRowLosses(engine, model, dataset)
  try {
    return await open.of(weights, { onRows })
  } finally {
    await open.dispose()
  }
}

/** The losses of a model on one set of rows and with one set of weights after the other. */
export interface OpenRowLosses {
  /**
   * @param weights Parameters and buffers in place of the model's own, by name.
   * @param asked `rows`: others than those that it was opened with, as long and of as many classes; `onRows`: told how many are done.
   */
  of(weights?: Weights | undefined, asked?: Pick<FromLogitsRun, 'rows' | 'onRows'>): Promise<RowLosses>
  dispose(): Promise<void>
}

/**
 * {@link rowLosses} for those who ask several times: one session of the runtime is kept until it is disposed of.
 *
 * @param dataset The rows, or of several sets the one with most of them.
 *
 * @throws What {@link rowLosses} throws.
 * @example
 * const open = await openRowLosses(engine, model, test)
 * const [before, after] = [await open.of(), await open.of(trained)]
 * await open.dispose()
 */
export async function openRowLosses(engine: Engine, model: Model, dataset: Dataset): Promise<OpenRowLosses> {
  refuseOthers(dataset)
  const make = (body: GraphBuilder, logits: Value, labels: Value) => ({ costs: costs(body, logits, labels) })
  const open = openFromLogits(engine, model, { dataset, make })
  return {
    of: async (weights, { rows = dataset, onRows } = {}) => {
      refuseOthers(rows)
      const nats = new Float64Array(samples(rows))
      const take: Parameters<typeof open.run>[0] = (made, places) => {
        const { dims, data } = required(made, 'costs', 'output') as Tensor<'float32'>
        const length = itemAt(dims, 1, 'axis')
        for (const [at, row] of places.entries())
          nats[row] = data.subarray(at * length, (at + 1) * length).reduce((sum, cost) => sum + cost, 0)
      }
      await open.run(take, { weights, rows, onRows })
      return { ...countedIn(rows), nats }
    },
    dispose: open.dispose,
  }
}

/** @throws UsageError `row-losses` for labels that are not one class a token. */
export function refuseOthers(dataset: Dataset): void {
  if (kindOf(dataset) === 'token-classification') return
  throw new UsageError(
    'row-losses',
    `Data set '${dataset.name}' has ${kindOf(dataset)} labels; losses of texts need a label for each token.`,
  )
}

/** What the rows' losses are for. */
export function countedIn(dataset: Dataset): Omit<RowLosses, 'nats'> {
  const rows = samples(dataset)
  return {
    tokens: tokensOf(dataset),
    bytes: dataset.documents?.bytes ?? new Float64Array(rows),
    documents: dataset.documents?.of ?? Int32Array.from({ length: rows }, (_, row) => row),
  }
}

/** How many tokens of each row count. */
function tokensOf(dataset: Dataset): Float64Array {
  const length = itemAt(dataset.labels.dims, 1, 'axis')
  const tokens = new Float64Array(samples(dataset))
  for (const { from, rows } of rowChunks<'int32' | 'float32'>(dataset.labels)) {
    for (const [at, label] of rows.data.entries()) {
      const row = from + Math.floor(at / length)
      if (label !== ignoredLabel) tokens[row] = (tokens[row] ?? 0) + 1
    }
  }
  return tokens
}

/** -log softmax(logits)[label] where a label counts and 0 elsewhere, [rows, T]. Logits are [rows, T, V], labels int32 [rows, T]. */
export function costs(builder: GraphBuilder, logits: Value, labels: Value): Value {
  const none = builder.constant({ type: 'int32', dims: [], data: Int32Array.of(ignoredLabel) })
  const zero = builder.constant({ type: 'int32', dims: [], data: Int32Array.of(0) })
  const ignored = builder.op('Equal', [labels, none])
  const known = cast(builder, builder.op('Where', [ignored, zero, labels]), 'int64')
  const each = reshape(builder, known, [...labels.dims, 1])
  const likely = builder.op('GatherElements', [builder.op('LogSoftmax', [logits], { axis: -1 }), each], {
    axis: 2,
  })
  const counting = cast(builder, builder.op('Not', [ignored]), logits.type)
  return neg(builder, mul(builder, reshape(builder, likely, labels.dims), counting))
}
