/**
 * A number of things with its noun.
 *
 * @example count(1200, 'class') // '1,200 classes'
 */
export const count = (n: number, noun: string): string =>
  `${n.toLocaleString('en-US')} ${n === 1 ? noun : `${noun}${/(?:s|x|z|ch|sh)$/.test(noun) ? 'es' : 's'}`}`

/**
 * Things of which something is one, or is not.
 *
 * @example `"cow" is not ${oneOf(3, 'class')}` // '"cow" is not one of the 3 classes'
 */
export const oneOf = (n: number, noun: string): string =>
  n === 1 ? `the one ${noun}` : `one of the ${count(n, noun)}`

/**
 * Bytes in the largest unit that leaves 1 or more.
 *
 * @example byteSize(1536) // '1.5 KiB'
 */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return count(bytes, 'byte')
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10))
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power - 1]}`
}
