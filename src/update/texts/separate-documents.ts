import type { TokenDocument } from '../../data/documents/index.ts'
import { UsageError } from '../../errors.ts'
import { present } from '../../required.ts'
import { documentKey, documentPieces, pieceTokens } from '../text-pack/index.ts'
import type { TextUpdateData } from './text-update-types.ts'

/** The texts of an update, each in the parts that it can play; and what was left out, as sentences. */
export interface SeparateDocuments {
  readonly data: TextUpdateData
  readonly notes: readonly string[]
}

/**
 * Leaves out what would make a figure too good: new documents that are held out and trained on, old ones that prove and are among the new, and
 * old ones that are rehearsed and prove. They are told by their tokens.
 *
 * @param length Tokens in a row: a pack has long documents in pieces of some rows.
 * @throws UsageError `update-data` where all new documents that are held out are trained on.
 */
export function separateDocuments(data: TextUpdateData, length: number): SeparateDocuments {
  const { train, check, choose, exemplars, answers, order, heldOut, first } = data
  const keysOf = openKeys(length)
  const unseen = (part: Part, ...others: readonly Part[]) =>
    part?.filter((document) => !others.some((other) => keysOf(other).has(documentKey(document))))
  const judged = present(unseen(check, train), 'held-out documents')
  if (judged.length === 0 && check.length > 0) throw allTrained(check.length)
  const chosen = unseen(choose, train, judged)
  const proving = unseen(heldOut, train, judged, chosen)
  // A pack holds them apart, with an answer for each that is rehearsed.
  const rehearsed = answers ? exemplars : unseen(exemplars, proving)
  const ordering = unseen(order, train, rehearsed, proving)
  const notes = [
    leftOut(check, judged, 'new documents that are held out are trained on'),
    leftOut(choose, chosen, 'new documents that candidates are compared on are trained on or held out'),
    leftOut(heldOut, proving, 'old documents that prove are among the new ones'),
    leftOut(exemplars, rehearsed, 'old documents to rehearse are to prove'),
    leftOut(order, ordering, 'old documents that order candidates are trained on or to prove'),
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

/** The keys of a part's documents, and of what a pack would have of them; each part's once. */
function openKeys(length: number): (part: Part) => ReadonlySet<string> {
  const known = new Map<Part, ReadonlySet<string>>()
  return (part) => {
    const keys =
      known.get(part) ?? new Set((part ?? []).flatMap((document) => keysWithPieces(document, length)))
    known.set(part, keys)
    return keys
  }
}

function keysWithPieces(document: TokenDocument, length: number): readonly string[] {
  const pieces = documentPieces(document, pieceTokens(length))
  return [document, ...(pieces.length > 1 ? pieces : [])].map(documentKey)
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

function leftOut(
  before: readonly TokenDocument[] = [],
  after: readonly TokenDocument[] = [],
  what: string,
): readonly string[] {
  const gone = before.length - after.length
  if (gone === 0) return []
  const figures = `${gone.toLocaleString('en-US')} of ${before.length.toLocaleString('en-US')}`
  return [`${figures} ${what}, too, and left out.`]
}

const allTrained = (documents: number): UsageError =>
  new UsageError(
    'update-data',
    `All ${documents.toLocaleString('en-US')} new documents that are held out are trained on, too, so that nothing would tell what was learned. Give others, or leave the test part out: a fifth is held out then.`,
  )
