import { largest, smallest } from '../../extent.ts'
import { itemAt } from '../../required.ts'

/** An index, what parts it from the name (a colon, a comma, white space, …), and a name with a letter in it. */
const indexed = /^\s*(\d{1,9})(\s*[:;,.)=|-]\s*|_|\s+)(\S.*)$/su

/** Names with an index in front: `0 cat`, `0: cat`, `0,cat`, `001.Albatross`. */
export interface IndexedNames {
  readonly indexes: readonly number[]
  /** The names without it. */
  readonly names: readonly string[]
  /** What stands between the two in the first. */
  readonly between: string
}

/**
 * Takes apart names that all have an index in front.
 *
 * @returns undefined where one has none, or where what is left would name two classes alike ("1 euro", "2 euro"), or holds no letter.
 */
export function splitIndexes(names: readonly string[]): IndexedNames | undefined {
  const parts = names.map((name) => indexed.exec(name))
  const indexes = parts.map((part) => Number(part?.[1]))
  const rests = parts.map((part) => part?.[3]?.trim() ?? '')
  const [first] = parts
  if (!first || parts.includes(null) || !rests.every((rest) => /\p{L}/u.test(rest))) return undefined
  if (new Set(indexes).size !== names.length || new Set(rests).size !== names.length) return undefined
  return { indexes, names: rests, between: first[2] ?? ' ' }
}

/**
 * The same where the indexes are the places of a list, from 0 or from 1 on and in any order, and the names in their order.
 */
export function splitPlaces(
  names: readonly string[],
): { readonly names: readonly string[]; readonly base: 0 | 1; readonly between: string } | undefined {
  const found = splitIndexes(names)
  if (!found) return undefined
  const least = smallest(found.indexes)
  if ((least !== 0 && least !== 1) || largest(found.indexes) !== least + names.length - 1) return undefined
  const inOrder: string[] = []
  for (const [at, index] of found.indexes.entries()) inOrder[index - least] = itemAt(found.names, at, 'name')
  return { names: inOrder, base: least, between: found.between }
}
