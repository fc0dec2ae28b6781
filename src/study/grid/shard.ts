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
