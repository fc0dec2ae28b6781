import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import type { TokenDocument } from './document.ts'
import { isMarked, tokenCount, tokenSpans } from './token-span.ts'

/** Watches for documents in which nothing is to be learned. */
export interface EmptyDocuments {
  /** Whether a document is left out. */
  readonly leaves: (document: TokenDocument) => boolean
  /** @throws DataError `documents-empty` when none is kept. */
  readonly notes: (kept: number) => readonly string[]
}

/** @param place What messages call the part. */
export function emptyDocuments(place: string): EmptyDocuments {
  const none: string[] = []
  const unlearned: string[] = []
  let tokens = 0
  return {
    leaves: (document) => {
      if (tokensThatCount(document) > 0) return false
      const learned = document.learned !== undefined && document.ids.length > 1
      ;(learned ? unlearned : none).push(document.place)
      tokens += document.ids.length
      return true
    },
    notes: (kept) => {
      const left = [
        ...(none.length > 0 ? [`${are(none)} empty, or a single token, which nothing is before`] : []),
        ...(unlearned.length > 0 ? [`${have(unlearned)} no answer to learn`] : []),
      ]
      if (kept === 0) {
        const why = left.length > 0 ? `: ${left.join('; ')}` : ''
        throw new DataError('documents-empty', `${place}: there is no document to learn from${why}.`)
      }
      if (left.length === 0) return []
      return [`${place}: ${left.join('; ')}. Left out with ${count(tokens, 'token')}.`]
    },
  }
}

const first = ([place]: readonly string[], several: boolean): string =>
  several ? ` (the first: ${place})` : ` (${place})`
const documents = (places: readonly string[]): string =>
  `${count(places.length, 'document')}${first(places, places.length > 1)}`
const are = (places: readonly string[]): string =>
  `${documents(places)} ${places.length === 1 ? 'is' : 'are'}`
const have = (places: readonly string[]): string =>
  `${documents(places)} ${places.length === 1 ? 'has' : 'have'}`

/** Tokens of documents together, those that do not count among them. */
export const tokensIn = (documents: readonly TokenDocument[]): number =>
  documents.reduce((sum, document) => sum + tokenCount(document), 0)

/** How many tokens of a document count in the loss. */
export function tokensThatCount(document: TokenDocument): number {
  if (!isMarked(document)) return Math.max(0, tokenCount(document) - 1)
  let sum = 0
  let first: number | undefined
  for (const { learned } of tokenSpans(document)) {
    first ??= learned?.[0] ?? 0
    for (const one of learned ?? []) sum += one
  }
  // Nothing is before the first token.
  return sum - (first ?? 0)
}
