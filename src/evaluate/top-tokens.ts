import type { GraphBuilder } from '../autodiff/builder.ts'
import { type Dataset, kindOf, samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import type { Model } from '../model/model.ts'
import { cast, ints, scale, type Value } from '../ops/core/index.ts'
import { itemAt, present, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { fromLogits, type OnRows } from './from-logits.ts'
import { putRows } from './rows-together.ts'
import type { Weights } from './weights.ts'

/** What a model thinks likeliest at each place of rows of tokens. */
export interface TopTokens {
  /** Token ids [N, T, k], the likeliest first. */
  readonly ids: Tensor<'int32'>
  /** Their log-probabilities [N, T, k]; what is left to 1 is all other tokens' together. */
  readonly logProbabilities: Tensor<'float32'>
}

export interface TopTokensOptions {
  /** Tokens a place; all of them where the model knows fewer. */
  readonly k: number
  /** Of a model whose logits go on behind its vocabulary, how many are tokens: shares are those of these alone. Default all. */
  readonly tokens?: number | undefined
  /** Divides the logits. Default 1: the model's own probabilities. */
  readonly temperature?: number | undefined
  /** Parameters and buffers in place of the model's own, by name. Default none. */
  readonly weights?: Weights | undefined
  /** After each call of the runtime: rows that are done, of so many. */
  readonly onRows?: OnRows | undefined
}

/**
 * The likeliest tokens at each place of rows of tokens, places that are filled up among them; those that a causal model need not read, behind
 * the last label of a row, may have zeros instead. Logits are made some rows at a time inside of
 * the runtime, and never stand whole: what comes back takes 8 bytes for each of the k tokens of a place.
 *
 * @throws UsageError `top-tokens` for labels that are not one class a token, a k below 1, a temperature that is not above 0.
 * @example
 * const { ids, logProbabilities } = await topTokens(engine, model, rows, { k: 32 })
 */
export async function topTokens(
  engine: Engine,
  model: Model,
  rows: Dataset,
  options: TopTokensOptions,
): Promise<TopTokens> {
  const { temperature = 1, tokens, weights, onRows } = options
  check(rows, { ...options, temperature })
  const k = Math.min(options.k, Math.max(1, tokens ?? rows.classes.length))
  const dims = [samples(rows), itemAt(rows.labels.dims, 1, 'axis'), k]
  const logProbabilities = float32(dims)
  const ids = new Int32Array(logProbabilities.data.length)
  const row = itemAt(dims, 1, 'axis') * k
  const make = (body: GraphBuilder, logits: Value) =>
    likeliest(body, firstTokens(body, logits, tokens), { k, temperature })
  await fromLogits(engine, model, { dataset: rows, weights, make, onRows }, (made, places) => {
    putRows(ids, row, places, required(made, 'ids', 'output').data as Int32Array<ArrayBuffer>)
    putRows(logProbabilities.data, row, places, required(made, 'shares', 'output').data as Float32Array)
  })
  return { ids: { type: 'int32', dims, data: ids }, logProbabilities }
}

function check(
  rows: Dataset,
  { k, temperature }: { readonly k: number; readonly temperature: number },
): void {
  const refuse = (what: string): never => {
    throw new UsageError('top-tokens', what)
  }
  if (kindOf(rows) !== 'token-classification') {
    refuse(
      `Data set '${rows.name}' has ${kindOf(rows)} labels; the likeliest tokens are those of rows of texts, with a label for each token.`,
    )
  }
  if (!(Number.isSafeInteger(k) && k >= 1)) {
    refuse(`The likeliest tokens of a place are a whole number from 1 on; ${k} were asked for.`)
  }
  if (!(temperature > 0))
    refuse(`The temperature of the likeliest tokens is above 0; ${temperature} was given.`)
}

/** Logits without what stands behind so many tokens. */
export function firstTokens(body: GraphBuilder, logits: Value, tokens: number | undefined): Value {
  if (tokens === undefined || tokens >= (logits.dims.at(-1) ?? 0)) return logits
  const bounds = [[0], [tokens], [logits.dims.length - 1]].map((numbers) => ints(body, numbers))
  return body.op('Slice', [logits, ...bounds])
}

/** What is to be said where more of the likeliest tokens are asked for than a model has. */
export const topTokensNotes = (asked: number | undefined, vocabulary: number): readonly string[] =>
  asked !== undefined && asked > vocabulary
    ? [
        `The ${asked.toLocaleString('en-US')} likeliest tokens of a place were asked for, and the model has ${vocabulary.toLocaleString('en-US')}: these are taken.`,
      ]
    : []

/** The k largest of log softmax(logits / temperature), and whose they are. */
function likeliest(
  body: GraphBuilder,
  logits: Value,
  { k, temperature }: { readonly k: number; readonly temperature: number },
) {
  const soft = temperature === 1 ? logits : scale(body, logits, 1 / temperature)
  const chances = body.op('LogSoftmax', [soft], { axis: -1 })
  const [shares, places] = body.ops('TopK', [chances, ints(body, [k])], 2, { axis: -1 })
  return {
    ids: cast(body, present(places, 'places of the likeliest'), 'int32'),
    shares: present(shares, 'shares of the likeliest'),
  }
}
