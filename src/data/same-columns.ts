import type { LoadedData } from './parts.ts'

/**
 * Reads data whose columns of numbers are to stand in the order of data that were read before: one model reads both. Where both have the same columns in
 * another order they are read again, by name.
 *
 * @param read Reads the data, with the columns in an order where one is given.
 */
export async function inColumnsOf(
  before: LoadedData | undefined,
  read: (featureOrder: readonly string[] | undefined) => Promise<LoadedData>,
): Promise<LoadedData> {
  const found = await read(undefined)
  const order = before?.columns
  if (!order || !found.columns || !sameNames(order, found.columns)) return found
  if (order.every((name, at) => name === found.columns?.[at])) return found
  const again = await read(order)
  const note = `${again.train.name}: its columns stand in another order than those of ${before.train.name}, and are read in that of the latter.`
  return { ...again, notes: [note, ...(again.notes ?? [])] }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  const names = new Set(a)
  return a.length === b.length && b.every((name) => names.has(name))
}
