import { UsageError } from '../../errors.ts'

/** One of several parts of a list: `of` parts, counted from 1. */
export interface Shard {
  readonly part: number
  readonly of: number
}

/**
 * The items of one part. Every item is in exactly one part, the list alone says in which, and parts differ by at most one item. Each
 * block of `of` items is dealt from another part on: a list in which every fifth item is slow would otherwise give one of five parts
 * all of them.
 *
 * @example shardOf(['a', 'b', 'c', 'd'], { part: 1, of: 2 }) // ['a', 'd']
 */
export function shardOf<T>(items: readonly T[], { part, of }: Shard): T[] {
  if (!(Number.isInteger(part) && Number.isInteger(of) && part >= 1 && part <= of)) {
    throw new UsageError('shard', `A shard is one of 1 to n of n, such as 2/8; found ${part}/${of}.`)
  }
  return items.filter((_, at) => (at + Math.floor(at / of)) % of === part - 1)
}

/**
 * All items, one part's own first and then those of the parts after it: what everybody needs, and nobody has to do alone. Several that
 * go through a list of runs in a store like this meet only at its end.
 *
 * @example fromShard(['a', 'b', 'c', 'd'], { part: 2, of: 2 }) // ['b', 'c', 'a', 'd']
 */
export const fromShard = <T>(items: readonly T[], { part, of }: Shard): T[] =>
  Array.from({ length: of }, (_, on) => shardOf(items, { part: ((part - 1 + on) % of) + 1, of })).flat()
