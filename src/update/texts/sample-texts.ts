import { samples, subset } from '../../data/dataset.ts'
import type { TokenDocument } from '../../data/documents/index.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { dealDocuments } from './deal-documents.ts'
import { assignTexts, type TextParts } from './text-parts.ts'
import type { TextUpdateOptions } from './text-update-types.ts'

/** Tokens of new documents, and of old ones that order, that advice measures on. */
const MEASURED_TOKENS = 2 ** 13

/**
 * What advice measures on, of the parts that an update deals out: some of the new documents that candidates are compared on, some of
 * the old ones that order, and none that prove. New rows to train on and old ones to rehearse stay.
 */
export function sampleTexts(options: TextUpdateOptions, parts: TextParts): TextParts {
  const { data, seed = 0 } = options
  const some = (documents: readonly TokenDocument[], what: string) =>
    upTo(
      [...randomStream(seed, `advise/${what}`).permutation(documents.length)].map((at) =>
        itemAt(documents, at, what),
      ),
    )
  const { check, order } = assignTexts({
    ...options,
    data: {
      train: data.train.slice(0, 1),
      check: some(data.choose ?? data.check, 'new documents'),
      order: some(dealDocuments(data).order, 'old documents'),
    },
  })
  return { ...parts, check, choose: check, order, proof: undefined, first: undefined }
}

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
  const enough = documents.findIndex(({ ids }) => {
    tokens += ids.length
    return tokens >= MEASURED_TOKENS
  })
  return enough < 0 ? documents : documents.slice(0, enough + 1)
}
