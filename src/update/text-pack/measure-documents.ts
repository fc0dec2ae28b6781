import { count } from '../../count.ts'
import { type Dataset, ignoredLabel } from '../../data/dataset.ts'
import {
  type PackedDocuments,
  packDocuments,
  type TokenDocument,
  tokenCount,
  tokensIn,
  tokensThatCount,
} from '../../data/documents/index.ts'
import { inMemory } from '../../data/spilled-rows.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { type OnRows, refuseLookingAhead, textFigures, topTokens } from '../../evaluate/index.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import { withTokenClasses } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { float32 } from '../../tensor/tensor.ts'
import { roundedBelow } from './answers.ts'
import type { TextAnswers } from './text-pack.ts'

/** How documents are measured. */
export interface Measuring {
  readonly engine: Engine
  /** A decoder. */
  readonly model: Model
  /** What messages call it. */
  readonly name: string
  readonly vocabulary: number
  readonly rowLength: number
  readonly overlap: number
  /** The token that fills up rows; its place never counts. */
  readonly filler: number
  /** Told what is measured, and tokens of documents that are done. */
  readonly onProgress?: KeepProgress | undefined
}

/** @param what In a few words. */
export type KeepProgress = (what: string, done: number, of: number) => void

/** Tokens whose rows stand in memory at a time. */
const atOnce = 2 ** 20
/** Answers that are kept at most: what goes beyond is no memory of a model, but a copy of what it says. */
const mostAnswers = 2 ** 29
/** Numbers of answers that do, before those at places that do not count are taken out. */
const answersAtOnce = 2 ** 23

/**
 * Makes sure that the model is a decoder.
 *
 * @throws ModelError `model-looks-ahead`; DataError `token-out-of-range`.
 */
export async function refuseEncoder(documents: readonly TokenDocument[], how: Measuring): Promise<void> {
  const { dataset } = rowsOf(documents.slice(0, 100), how)
  await refuseLookingAhead(how.engine, withTokenClasses(how.model), dataset, how.name)
}

/**
 * What a model loses on each document, in their order.
 *
 * @param what What these are, for those who follow.
 * @throws ModelError `logits-not-finite` naming the document; DataError `token-out-of-range`.
 */
export async function lossesOn(
  documents: readonly TokenDocument[],
  how: Measuring,
  what: string,
): Promise<readonly TextLoss[]> {
  const decoder = withTokenClasses(how.model)
  const losses: TextLoss[] = []
  const follow = following(documents, what, how)
  for (const block of blocksOf(documents, atOnce)) {
    const { dataset } = rowsOf(block, how)
    const figures = await textFigures(how.engine, decoder, dataset, how.name, follow(block))
    for (const { nats, tokens, bytes } of figures.documents) losses.push({ nats, tokens, bytes })
  }
  return losses
}

/**
 * The likeliest tokens at each place of documents that counts, rounded as they are kept.
 *
 * @param k How many.
 * @throws DataError `token-out-of-range`; UsageError `top-tokens` for more than an array holds.
 */
export async function answersOn(
  documents: readonly TokenDocument[],
  k: number,
  how: Measuring,
): Promise<TextAnswers> {
  const decoder = withTokenClasses(how.model)
  const counting = documents.reduce((sum, document) => sum + tokensThatCount(document), 0)
  if (counting * k > mostAnswers) {
    throw new UsageError(
      'top-tokens',
      `The ${k} likeliest tokens at each of ${count(counting, 'token')} are ${count(counting * k, 'number')}, and ${count(mostAnswers, 'number')} are the most that are kept. Keep ${Math.floor(mostAnswers / counting)} a token (--top-tokens), or fewer documents.`,
    )
  }
  const found: { readonly ids: Int32Array; readonly logProbabilities: Float32Array }[] = []
  const follow = following(documents, 'the likeliest tokens of exemplars', how)
  for (const block of blocksOf(documents, Math.floor(answersAtOnce / k))) {
    const { dataset } = rowsOf(block, how)
    const { ids, logProbabilities } = await topTokens(how.engine, decoder, dataset, {
      ...{ k, onRows: follow(block) },
    })
    const places = countingPlaces(dataset)
    found.push({
      ids: taken(ids.data, places, k, new Int32Array(places.length * k)),
      logProbabilities: taken(logProbabilities.data, places, k, new Float32Array(places.length * k)),
    })
  }
  const dims = [counting, k]
  const ids = new Int32Array(counting * k)
  const shares = float32(dims)
  let at = 0
  for (const part of found) {
    ids.set(part.ids, at)
    shares.data.set(part.logProbabilities, at)
    at += part.ids.length
  }
  return {
    ids: { type: 'int32', dims, data: ids },
    logProbabilities: float32(dims, roundedBelow(shares.data)),
  }
}

/** Tells of rows of a block as tokens of all documents. */
function following(documents: readonly TokenDocument[], what: string, { onProgress }: Measuring) {
  const all = tokensIn(documents)
  let ended = 0
  return (block: readonly TokenDocument[]): OnRows => {
    const [from, own] = [ended, tokensIn(block)]
    ended += own
    return (done, of) => onProgress?.(what, from + Math.round((own * done) / of), all)
  }
}

function rowsOf(
  documents: readonly TokenDocument[],
  { name, vocabulary, rowLength, overlap, filler }: Measuring,
): PackedDocuments {
  const tokenizer = { filler, eos: undefined, frame: { before: [], after: [] } }
  return packDocuments(documents, { name, length: rowLength, vocabulary, tokenizer, overlap })
}

/** Documents in blocks of at most so many tokens, one document at least in each. */
function* blocksOf(documents: readonly TokenDocument[], most: number): Generator<readonly TokenDocument[]> {
  let block: TokenDocument[] = []
  let tokens = 0
  for (const document of documents) {
    if (block.length > 0 && tokens + tokenCount(document) > most) {
      yield block
      ;[block, tokens] = [[], 0]
    }
    block.push(document)
    tokens += tokenCount(document)
  }
  if (block.length > 0) yield block
}

/** The places of rows whose label counts: each token of the documents that counts, in their order. */
function countingPlaces({ labels }: Dataset): Int32Array {
  const places: number[] = []
  for (const [place, label] of inMemory<'int32' | 'float32'>(labels).data.entries())
    if (label !== ignoredLabel) places.push(place)
  return Int32Array.from(places)
}

function taken<T extends Int32Array | Float32Array>(from: T, places: Int32Array, k: number, into: T): T {
  for (const [at, place] of places.entries()) into.set(from.subarray(place * k, (place + 1) * k), at * k)
  return into
}
