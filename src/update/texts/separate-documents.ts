import { documentKey, type TokenDocument, unseenDocuments } from '../../data/documents/index.ts'
import { UsageError } from '../../errors.ts'
import { present } from '../../required.ts'
import { documentPieces, pieceTokens } from '../text-pack/index.ts'
import type { TextUpdateData } from './text-update-types.ts'

/** The texts of an update, each in the parts that it can play; and what was left out, as sentences. */
export interface SeparateDocuments {
  readonly data: TextUpdateData
  readonly notes: readonly string[]
}

/**
 * Leaves out what would make a figure too good: new documents that are held out and trained on, old ones that prove and are among the new, and
 * old ones that are rehearsed and prove; and of texts that stand more than once in a part that measures all but the first, as bounds are for
 * texts that are drawn apart. They are told by their tokens.
 *
 * @param length Tokens in a row: a pack has long documents in pieces of some rows.
 * @throws UsageError `update-data` where all new documents that are held out are trained on.
 */
export function separateDocuments(data: TextUpdateData, length: number): SeparateDocuments {
  const { train, check, choose, exemplars, answers, order, heldOut, first } = data
  const { keyOf, keysOf } = openKeys(length)
  const unseen = (part: Part, ...others: readonly Part[]) =>
    part?.filter((document) => !others.some((other) => keysOf(other).has(keyOf(document))))
  const distinct = (part: readonly TokenDocument[]) => unseenDocuments(part, [], keyOf)
  const once = (part: Part) => part && distinct(part)
  const untrained = present(unseen(check, train), 'held-out documents')
  if (untrained.length === 0 && check.length > 0) throw allTrained(check.length)
  const judged = distinct(untrained)
  const apart = unseen(choose, train, judged)
  const chosen = once(apart)
  const old = unseen(heldOut, train, judged, chosen)
  const proving = once(old)
  // A pack holds them apart, with an answer for each that is rehearsed.
  const rehearsed = answers ? exemplars : unseen(exemplars, proving)
  const unrehearsed = unseen(order, train, rehearsed, proving)
  const ordering = once(unrehearsed)
  const notes = [
    gone(check, untrained, 'new documents that are held out are trained on', too),
    gone(choose, apart, 'new documents that candidates are compared on are trained on or held out', too),
    gone(heldOut, old, 'old documents that prove are among the new ones', too),
    gone(exemplars, rehearsed, 'old documents to rehearse are to prove', too),
    gone(order, unrehearsed, 'old documents that order candidates are trained on or to prove', too),
    gone(untrained, judged, 'new documents that are held out', copied),
    gone(apart, chosen, 'new documents that candidates are compared on', copied),
    gone(old, proving, 'old documents that prove', copied),
    gone(unrehearsed, ordering, 'old documents that order candidates', copied),
  ]
  return {
    data: {
      ...data,
      ...{ check: judged, choose: chosen, exemplars: rehearsed, order: ordering, heldOut: proving },
      first: first && { ...first, losses: ofDocuments(first.losses, heldOut, proving) },
    },
    notes: notes.flat(),
  }
}

type Part = readonly TokenDocument[] | undefined

/** The keys of documents; and of a part's, with what a pack would have of them. Each is worked out once. */
function openKeys(length: number) {
  const own = new Map<TokenDocument, string>()
  const known = new Map<Part, ReadonlySet<string>>()
  const keyOf = (document: TokenDocument): string => {
    const key = own.get(document) ?? documentKey(document)
    own.set(document, key)
    return key
  }
  const withPieces = (document: TokenDocument): readonly string[] => {
    const pieces = documentPieces(document, pieceTokens(length))
    return [keyOf(document), ...(pieces.length > 1 ? pieces.map(documentKey) : [])]
  }
  const keysOf = (part: Part): ReadonlySet<string> => {
    const keys = known.get(part) ?? new Set((part ?? []).flatMap(withPieces))
    known.set(part, keys)
    return keys
  }
  return { keyOf, keysOf }
}

/** What belongs to those documents that stayed. */
function ofDocuments<T>(
  values: readonly T[],
  documents: readonly TokenDocument[] = [],
  stayed: readonly TokenDocument[] = [],
): readonly (T | undefined)[] {
  const places = new Map(documents.map((document, at) => [document, at]))
  return stayed.map((document) => values[places.get(document) ?? -1])
}

/** How many of a part are gone, and why; nothing where none is. */
function gone(
  before: readonly TokenDocument[] = [],
  after: readonly TokenDocument[] = [],
  what: string,
  why: (documents: number) => string,
): readonly string[] {
  const documents = before.length - after.length
  if (documents === 0) return []
  const figures = `${documents.toLocaleString('en-US')} of ${before.length.toLocaleString('en-US')}`
  return [`${figures} ${what}${why(documents)}`]
}

const too = () => ', too, and left out.'

/** Copies say nothing of how different texts are. */
const copied = (documents: number) =>
  ` ${documents === 1 ? 'is a copy' : 'are copies'} of others: each text counts once.`

const allTrained = (documents: number): UsageError =>
  new UsageError(
    'update-data',
    `All ${documents.toLocaleString('en-US')} new documents that are held out are trained on, too, so that nothing would tell what was learned. Give others, or leave the test part out: a fifth is held out then.`,
  )
