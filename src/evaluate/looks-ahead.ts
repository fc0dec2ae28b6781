import { type Dataset, ignoredLabel, samples } from '../data/dataset.ts'
import { takeRows } from '../data/rows.ts'
import type { Engine } from '../engine/engine.ts'
import { ModelError } from '../errors.ts'
import { statedLength } from '../model/language.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import { rowLosses } from './row-losses.ts'

/** Tokens of a row that are looked at. */
const enough = 16

/** Answers that differ by more nats than this do not do so by rounding. */
const tolerance = 1e-2

/**
 * Makes sure that a model predicts tokens from those before them: what it says of the first half of a row may not change with the
 * second half. An encoder sees both, and would learn to copy.
 *
 * @param dataset Rows of next tokens; the longest of the first hundred is looked at.
 * @param name What the message calls the model.
 * @throws ModelError `model-looks-ahead`.
 */
export async function refuseLookingAhead(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  name?: string | undefined,
): Promise<void> {
  const pair = rowTwice(model, dataset)
  if (!pair) return
  const { nats } = await rowLosses(engine, model, pair)
  const [one, other] = [itemAt(nats, 0, 'row'), itemAt(nats, 1, 'row')]
  if (!Number.isFinite(one) || !Number.isFinite(other) || Math.abs(one - other) <= tolerance) return
  throw new ModelError(
    'model-looks-ahead',
    `${name === undefined ? '' : `${name}: `}${name === undefined ? 'What' : 'what'} the model says of a token changes with the tokens behind it (the loss of the same ones is ${one.toFixed(2)} or ${other.toFixed(2)} nats): it is an encoder, and no decoder that predicts the next token. Take a causal language model, or train this one with labels.`,
  )
}

/** A row two times, with other tokens in its second half; only the first half has labels. */
function rowTwice(model: Model, dataset: Dataset): Dataset | undefined {
  const { inputs } = dataset
  const [, width = 0] = inputs.dims
  const length = statedLength(model) === undefined ? Math.min(width, enough) : width
  const half = length >> 1
  if (samples(dataset) === 0 || half < 1) return undefined
  const row = (takeRows(inputs, Int32Array.of(0)).data as BigInt64Array).slice(0, length)
  const changed = row.slice()
  // Tokens that the text has: any model knows them.
  for (let at = half; at < length; at++) changed[at] = itemAt(row, (at + 1) % half, 'token')
  const targets = Int32Array.from({ length }, (_, at) => (at < half ? Number(row[at]) : ignoredLabel))
  return {
    ...dataset,
    // Read whole: it is asked what the labels' part is worth with another one behind it.
    ...{ documents: undefined, causal: false },
    inputs: { type: 'int64', dims: [2, length], data: BigInt64Array.of(...row, ...changed) },
    labels: { type: 'int32', dims: [2, length], data: Int32Array.of(...targets, ...targets) },
  }
}
