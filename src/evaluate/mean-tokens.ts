import type { GraphBuilder } from '../autodiff/builder.ts'
import { type Dataset, ignoredLabel, samples } from '../data/dataset.ts'
import { inMemory } from '../data/spilled-rows.ts'
import type { Engine } from '../engine/engine.ts'
import type { RowLosses } from '../measure/text-scores.ts'
import type { Model } from '../model/model.ts'
import { cast, scale, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { fromLogits } from './from-logits.ts'
import { countedIn } from './row-losses.ts'
import { putRows } from './rows-together.ts'
import { firstTokens, type TopTokens, type TopTokensOptions, topTokens } from './top-tokens.ts'

// Several language models of one vocabulary as one, that gives each next token the mean of their probabilities.

/**
 * Of the tokens that any of the models has among its `k` likeliest at a place, the `k` that are likeliest by the mean of their
 * probabilities, with that mean's logarithm. All models are asked for each of these tokens, so that the shares are those of the mean,
 * and what is left to 1 is all other tokens' together.
 *
 * @param models Of one vocabulary.
 * @throws What {@link topTokens} throws.
 * @example
 * const { ids, logProbabilities } = await meanTopTokens(engine, [one, other], rows, { k: 64, temperature: 1 })
 */
export async function meanTopTokens(
  engine: Engine,
  models: readonly Model[],
  rows: Dataset,
  { k, temperature = 1, tokens }: Pick<TopTokensOptions, 'k' | 'temperature' | 'tokens'>,
): Promise<TopTokens> {
  const each: TopTokens[] = []
  for (const model of models) each.push(await topTokens(engine, model, rows, { k, temperature, tokens }))
  const [first] = each
  if (!first || each.length === 1) return itemAt(each, 0, 'model')
  const candidates = together(each.map(({ ids }) => ids))
  const shares = await meanShares(engine, models, rows, { ids: candidates, temperature, tokens })
  return likeliestOf(candidates, shares, itemAt(first.ids.dims, 2, 'axis'))
}

/** What each row costs the mean of the models' probabilities, in nats: as `rowLosses` has it for one. */
export async function meanRowLosses(
  engine: Engine,
  models: readonly Model[],
  rows: Dataset,
): Promise<RowLosses> {
  const labels = inMemory<'int32' | 'float32'>(rows.labels).data
  const { dims } = rows.labels
  const ids: Tensor<'int32'> = {
    type: 'int32',
    dims: [...dims, 1],
    data: Int32Array.from(labels, (label) => Math.max(0, label)),
  }
  const shares = await meanShares(engine, models, rows, { ids, temperature: 1 })
  const nats = new Float64Array(samples(rows))
  const length = itemAt(dims, 1, 'axis')
  for (const [at, label] of labels.entries()) {
    const row = Math.floor(at / length)
    if (label !== ignoredLabel)
      nats[row] = (nats[row] ?? 0) - Math.log(Math.max(shares[at] ?? Number.NaN, LEAST))
  }
  return { ...countedIn(rows), nats }
}

/** A share that is nothing in float32 stays a number. */
const LEAST = 1e-38

interface Asked {
  /** [N, T, m] */
  readonly ids: Tensor<'int32'>
  readonly temperature: number
  readonly tokens?: number | undefined
}

/** The mean of the models' probabilities of some tokens at each place, [N * T * m]; behind what a model need not read 0. */
async function meanShares(
  engine: Engine,
  models: readonly Model[],
  dataset: Dataset,
  { ids, temperature, tokens }: Asked,
): Promise<Float64Array> {
  const sum = new Float64Array(ids.data.length)
  const [, length = 0, many = 0] = ids.dims
  const make = (body: GraphBuilder, logits: Value, _labels: Value, beside: Value | undefined) => ({
    shares: sharesAt(body, firstTokens(body, logits, tokens), beside ?? logits, temperature),
  })
  for (const model of models) {
    const own = float32([...ids.dims])
    await fromLogits(engine, model, { dataset, make, beside: ids }, (made, places) =>
      putRows(own.data, length * many, places, required(made, 'shares', 'output').data as Float32Array),
    )
    for (const [at, share] of own.data.entries()) sum[at] = (sum[at] ?? 0) + share / models.length
  }
  return sum
}

/** softmax(logits / temperature) at some units, [rows, T, m]. */
function sharesAt(body: GraphBuilder, logits: Value, ids: Value, temperature: number): Value {
  const soft = temperature === 1 ? logits : scale(body, logits, 1 / temperature)
  return body.op('GatherElements', [body.op('Softmax', [soft], { axis: -1 }), cast(body, ids, 'int64')], {
    axis: 2,
  })
}

/** The ids of each place side by side. */
function together(all: readonly Tensor<'int32'>[]): Tensor<'int32'> {
  const [rows = 0, length = 0, k = 0] = itemAt(all, 0, 'ids').dims
  const many = k * all.length
  const data = new Int32Array(rows * length * many)
  for (let place = 0; place < rows * length; place++) {
    for (const [at, ids] of all.entries()) {
      data.set(ids.data.subarray(place * k, (place + 1) * k), place * many + at * k)
    }
  }
  return { type: 'int32', dims: [rows, length, many], data }
}

/** Of the candidates of each place, each counted once, those of the largest shares. */
function likeliestOf({ dims, data }: Tensor<'int32'>, shares: Float64Array, k: number): TopTokens {
  const [rows = 0, length = 0, many = 0] = dims
  const logProbabilities = float32([rows, length, k])
  const ids = new Int32Array(logProbabilities.data.length)
  for (let place = 0; place < rows * length; place++) {
    const known = new Map<number, number>()
    for (let at = place * many; at < (place + 1) * many; at++) known.set(data[at] ?? 0, shares[at] ?? 0)
    const best = [...known].sort(([one, a], [other, b]) => b - a || one - other).slice(0, k)
    // Behind what need not be read there is nothing.
    if ((best[0]?.[1] ?? 0) === 0) continue
    for (const [at, [id, share]] of best.entries()) {
      ids[place * k + at] = id
      logProbabilities.data[place * k + at] = Math.log(Math.max(share, LEAST))
    }
  }
  return { ids: { type: 'int32', dims: [rows, length, k], data: ids }, logProbabilities }
}
