import { type TokenDocument, tokenSpans } from '../../data/documents/index.ts'
import { sha256 } from '../../data/sha256.ts'
import { itemAt } from '../../required.ts'
import { memoryOf } from '../../tensor/bytes.ts'
import { withinBudget } from '../text-pack/index.ts'
import type { TextUpdateData } from './text-update-types.ts'

/** Of old documents to rehearse, the share that orders candidates instead; of those that prove, where there are none to rehearse. */
const ORDER = 0.2
const SPARED = 0.1

/** With fewer documents to rehearse all of them do both: a poor order shows less, but nothing false. */
const FEW = 10

/** With fewer documents to prove on none is spared. */
const MANY = 50

/** The same where those to rehearse are known by heart: what they say of an order is worth little. */
const SPARED_BY_HEART = 0.25
const MANY_BY_HEART = 20

/** Tokens that order candidates at most: two models' losses on the same tokens differ little by chance. */
const MOST_ORDERING = 2 ** 16

/** Old documents by the part that they play. Places are those in `exemplars` and `heldOut`. */
export interface Dealt {
  readonly rehearsed: readonly number[]
  readonly order: readonly TokenDocument[]
  readonly proof: readonly number[]
  /** Places in `heldOut` of those in `order`; undefined where they are of others. */
  readonly spared?: readonly number[] | undefined
}

/**
 * Which old documents are rehearsed, which order candidates and which prove. It is told by what the documents say, so that each stays where
 * it is when others join.
 *
 * @param byHeart Whether the given model knows those to rehearse by heart: some of those that prove order candidates then, if there are enough.
 */
export function dealDocuments(
  { exemplars = [], order, heldOut = [] }: Pick<TextUpdateData, 'exemplars' | 'order' | 'heldOut'>,
  byHeart = false,
): Dealt {
  const all = (list: readonly unknown[]) => Array.from(list.keys())
  if (order && order.length > 0) {
    return { rehearsed: all(exemplars), order: ordering(order), proof: all(heldOut) }
  }
  if (byHeart && heldOut.length >= MANY_BY_HEART) {
    const least = Math.ceil(SPARED_BY_HEART * heldOut.length)
    return { rehearsed: all(exemplars), ...sparing(heldOut, SPARED_BY_HEART, least) }
  }
  if (exemplars.length > 0) {
    const few = exemplars.length < FEW
    const { part, rest } = drawn(exemplars, ORDER)
    const rehearsed = few ? all(exemplars) : rest
    return { rehearsed, order: ordering(documentsAt(exemplars, few ? rehearsed : part)), proof: all(heldOut) }
  }
  if (heldOut.length < MANY) return { rehearsed: [], order: [], proof: all(heldOut) }
  return { rehearsed: [], ...sparing(heldOut, SPARED) }
}

/** Some of the documents that prove order candidates instead. */
function sparing(heldOut: readonly TokenDocument[], share: number, least = 1): Omit<Dealt, 'rehearsed'> {
  const { part, rest } = drawn(heldOut, share, least)
  const order = ordering(documentsAt(heldOut, part))
  return { order, proof: rest, spared: part.slice(0, order.length) }
}

export const documentsAt = (
  list: readonly TokenDocument[],
  places: readonly number[],
): readonly TokenDocument[] => places.map((place) => itemAt(list, place, 'document'))

/** As many of those that could order candidates as are worth it. */
const ordering = (documents: readonly TokenDocument[]) => withinBudget(documents, { tokens: MOST_ORDERING })

/** About a share of the documents, so many at least, and the others; each in the list's order. */
function drawn(documents: readonly TokenDocument[], share: number, least = 1) {
  const ranked = documents
    .map((document, place) => ({ place, draw: drawOf(document) }))
    .sort((a, b) => a.draw - b.draw || a.place - b.place)
  const count = Math.max(least, ranked.filter(({ draw }) => draw < share).length)
  const places = (list: typeof ranked) => list.map(({ place }) => place).sort((a, b) => a - b)
  return { part: places(ranked.slice(0, count)), rest: places(ranked.slice(count)) }
}

/** A number from 0 to below 1 for a document, as if drawn at random, told by its tokens. */
function drawOf(document: TokenDocument): number {
  const hash = sha256().update('order')
  for (const { ids } of tokenSpans(document)) hash.update(memoryOf(ids))
  return Number.parseInt(hash.hex().slice(0, 8), 16) / 2 ** 32
}
