import { type TokenDocument, tokenCount } from '../../data/documents/index.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import { itemAt, present } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import type { TextChoice, TextPackBudget } from './text-pack.ts'

/**
 * Documents in the order in which they become exemplars: the first ones are a choice of any size.
 *
 * @param options.losses What the model loses on each; `random` needs none.
 */
export function choiceOrder(
  documents: readonly TokenDocument[],
  {
    choose,
    losses,
    seed,
    round = 0,
  }: {
    readonly choose: TextChoice
    readonly losses: readonly TextLoss[] | undefined
    readonly seed: number
    /** How many data sets came before: each is drawn anew. */
    readonly round?: number | undefined
  },
): readonly TokenDocument[] {
  const all = (places: Iterable<number>) => Array.from(places, (at) => itemAt(documents, at, 'document'))
  if (choose === 'random') {
    return all(randomStream(seed, `keep/documents ${round}`).permutation(documents.length))
  }
  const cost = present(losses, 'losses of documents').map(
    ({ nats, tokens, bytes }) => nats / (bytes || tokens),
  )
  const hardest = Array.from(documents.keys()).sort(
    (a, b) => itemAt(cost, b, 'loss') - itemAt(cost, a, 'loss') || a - b,
  )
  return all(choose === 'hardest' ? hardest : evenly(hardest))
}

/** A list in the order of the van der Corput sequence: any number of first ones is spread evenly over it. */
function evenly<T>(list: readonly T[]): readonly T[] {
  const bits = Math.ceil(Math.log2(Math.max(2, list.length)))
  const places = Array.from({ length: 2 ** bits }, (_, at) => {
    let reversed = 0
    for (let bit = 0; bit < bits; bit++) reversed |= ((at >> bit) & 1) << (bits - 1 - bit)
    return reversed
  })
  return places.flatMap((place) => (place < list.length ? [itemAt(list, place, 'item')] : []))
}

/** The first documents that fit into a budget; one at least. */
export function withinBudget(
  ordered: readonly TokenDocument[],
  {
    tokens = Number.POSITIVE_INFINITY,
    documents = Number.POSITIVE_INFINITY,
  }: Pick<TextPackBudget, 'tokens' | 'documents'>,
): readonly TokenDocument[] {
  let taken = 0
  const end = ordered.findIndex((document, at) => {
    taken += tokenCount(document)
    return at > 0 && (at >= documents || taken > tokens)
  })
  return end < 0 ? ordered : ordered.slice(0, end)
}
