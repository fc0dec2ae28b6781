import { stat } from 'node:fs/promises'
import { dirname, relative, sep } from 'node:path'

/**
 * What documents of some data are called, by their places: where they are in the data, so that what is written of them in one place can be
 * read in another.
 *
 * @example
 * const nameOf = await namesIn('texts/')
 * nameOf('texts/a/b.txt') // 'a/b.txt'
 */
export async function namesIn(data: string): Promise<(place: string) => string> {
  const folder = (await stat(data)).isDirectory() ? data : dirname(data)
  return (place) => relative(folder, place).replaceAll(sep, '/')
}
