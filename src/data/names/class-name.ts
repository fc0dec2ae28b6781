/**
 * A class's name as it is held and compared everywhere: in Unicode's composed form (NFC), without white space around it.
 * The same name comes decomposed from the file systems of some machines, and padded from tables.
 *
 * @example className(' cafe\u0301 ') // 'caf\u00e9'
 */
export const className = (text: string): string => text.normalize('NFC').trim()

/** Names of digits alone: class ids. */
export const isNumber = (name: string): boolean => /^\d+$/.test(name)

/** '0' to 'n - 1': names for classes that have none. */
export const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n))

/** Whether names are those that Hugging Face's programs write where nobody named the classes: LABEL_0, LABEL_1, … */
export const arePlaceholders = (names: readonly string[]): boolean =>
  names.length > 0 && names.every((name, at) => name === `LABEL_${at}`)

/** Texts by code point: the same order on every machine, whatever its language. */
export function sorted(texts: Iterable<string>): string[] {
  return [...texts].sort(byCodePoint)
}

// The default order of `sort` is by UTF-16 unit, which puts U+1F600 before U+FF01.
export function byCodePoint(a: string, b: string): number {
  const left = a[Symbol.iterator]()
  const right = b[Symbol.iterator]()
  for (;;) {
    const x = left.next().value
    const y = right.next().value
    if (x === undefined || y === undefined) return (x === undefined ? 0 : 1) - (y === undefined ? 0 : 1)
    const difference = (x.codePointAt(0) ?? 0) - (y.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
}

/** Class ids by what they count, all others by code point. */
export function inClassOrder(names: Iterable<string>): string[] {
  const all = sorted(names)
  if (!all.every(isNumber)) return all
  const value = new Map(all.map((name) => [name, BigInt(name)]))
  return all.sort((a, b) => {
    const [x = 0n, y = 0n] = [value.get(a), value.get(b)]
    return x < y ? -1 : x > y ? 1 : 0
  })
}

export function preview(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')}, ...`
}
