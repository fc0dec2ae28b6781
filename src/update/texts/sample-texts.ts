import { samples, subset } from '../../data/dataset.ts'
import { type TokenDocument, tokenCount } from '../../data/documents/index.ts'
import { itemAt, present } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { knownByHeart } from './by-heart.ts'
import { dealDocuments } from './deal-documents.ts'
import type { TextContext } from './text-context.ts'
import { rowNames, rowsOf, type TextParts } from './text-parts.ts'
import type { TextUpdateOptions } from './text-update-types.ts'

/** Tokens of new documents, and of old ones that order, that advice measures on. */
const MEASURED_TOKENS = 2 ** 13

/**
 * What advice measures on, of the parts that an update deals out: some of the new documents that candidates are compared on, some of
 * the old ones that order, and none that prove. New rows to train on and old ones to rehearse stay.
 */
export function sampleTexts(options: TextUpdateOptions, parts: TextParts): TextParts {
  const { data } = options
  const rows = rowsOf(options)
  const chosen = some(options, data.choose?.length ? data.choose : data.check, 'new documents')
  const check = present(rows(rowNames.check, chosen), 'new rows')
  const order = rows(rowNames.order, some(options, dealDocuments(data).order, 'old documents'))
  return { ...parts, check, choose: check, order, proof: undefined, first: undefined }
}

/**
 * Where the given model knows by heart what is to be rehearsed, with some of the documents that an update would then spare to order
 * candidates: these have no part in its proof.
 */
export async function orderedBySpared(context: TextContext): Promise<TextContext> {
  const { options, parts, order } = context
  const dealt = dealDocuments(options.data, true)
  if (!parts.rehearsed || !order || !dealt.spared) return context
  const spared = some(options, dealt.order, 'old documents that are spared')
  const rows = present(rowsOf(options)(rowNames.order, spared), 'old rows')
  const before = await context.losses.given(rows)
  const byHeart = knownByHeart(order.before, before)
  return byHeart ? { ...context, parts: { ...parts, byHeart }, order: { rows, before } } : context
}

/** Some of the documents, drawn at random, of so many tokens that advice measures. */
const some = (
  { seed = 0 }: TextUpdateOptions,
  documents: readonly TokenDocument[],
  what: string,
): readonly TokenDocument[] =>
  upTo(
    [...randomStream(seed, `advise/${what}`).permutation(documents.length)].map((at) =>
      itemAt(documents, at, what),
    ),
  )

/** Some new rows to train on; all where there are no more. */
export function withRows(parts: TextParts, rows: number, seed: number): TextParts {
  const all = samples(parts.train)
  if (rows >= all) return parts
  const chosen = randomStream(seed, 'advise/train').choose(all, rows).sort()
  return { ...parts, train: subset({ ...parts.train, documents: undefined }, chosen) }
}

/** The first documents that have so many tokens together, one at least. */
function upTo(documents: readonly TokenDocument[]): readonly TokenDocument[] {
  let tokens = 0
  const enough = documents.findIndex((document) => {
    tokens += tokenCount(document)
    return tokens >= MEASURED_TOKENS
  })
  return enough < 0 ? documents : documents.slice(0, enough + 1)
}
