import { MissingError } from './errors.ts'

/**
 * The value under a key that has to be there. Where its absence can be the doing of whoever calls the program, throw the
 * error that says so instead.
 *
 * @param what the kind of thing that the key names, for the message
 * @throws MissingError `missing` naming the key and what there is.
 * @example
 * const weight = required(model.parameters, 'fc.weight', 'parameter')
 */
export function required<K, V>(map: Pick<ReadonlyMap<K, V>, 'get' | 'keys'>, key: K, what: string): V {
  const value = map.get(key)
  if (value !== undefined) return value
  throw missing(`${what} ${JSON.stringify(String(key))}`, `There is ${listed([...map.keys()].map(String))}.`)
}

/**
 * The item at a place of a list that has to be there. No place counts from the end: a -1 is mostly a search without a find.
 *
 * @throws MissingError `missing` naming the place and the list's length.
 */
export function itemAt<T>(list: ArrayLike<T>, place: number, what: string): T {
  const value = list[place]
  if (value !== undefined) return value
  throw missing(`${what} ${place}`, `There are ${list.length}.`)
}

/**
 * A value that has to be there, where it is known by no key.
 *
 * @throws MissingError `missing`.
 */
export function present<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value
  throw missing(what, '')
}

const listed = (keys: readonly string[]): string =>
  keys.length === 0
    ? 'none'
    : `${keys.slice(0, 8).join(', ')}${keys.length > 8 ? ` and ${keys.length - 8} more` : ''}`

const missing = (what: string, found: string): MissingError =>
  new MissingError(
    'missing',
    `${what} is not there, though it has to be.${found && ` ${found}`} This is a fault of the program; please report it with the command that led here.`,
  )
