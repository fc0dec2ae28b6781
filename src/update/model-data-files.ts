import { catalogue, syntheticDigits } from '../data/catalogue/index.ts'
import { resolveDataset } from '../data/catalogue/index-files.ts'
import { readDataset } from '../data/files.ts'
import type { LoadedData } from '../data/parts.ts'
import type { ReadOptions } from '../data/read-options.ts'
import { DataError } from '../errors.ts'

/** Whether this is the name of a data set, and not a place. */
export const isNamed = (source: string): boolean =>
  source === 'synthetic' || catalogue.some(({ name }) => name === source.toLowerCase())

/** Data by the name of a known data set, `synthetic`, or from a file or folder. */
export async function readSource(source: string, options: ReadOptions): Promise<LoadedData> {
  if (source === 'synthetic') return { ...syntheticDigits({}), notes: [] }
  return isNamed(source) ? resolveDataset(source) : readDataset(source, options)
}

/**
 * Data to measure on, as {@link readSource} reads them; a folder that holds a test or validation part alone will do, and is then
 * all there is.
 */
export async function readMeasured(source: string, options: ReadOptions): Promise<LoadedData> {
  try {
    return await readSource(source, options)
  } catch (error) {
    if (!(error instanceof DataError && error.code === 'split-missing')) throw error
    for (const split of ['test', 'validation']) {
      const notes: string[] = []
      const onNote = (note: string) => void notes.push(note)
      const part = await readDataset(source, { ...options, split, onNote }).catch(() => undefined)
      if (part) return { train: part, notes }
    }
    throw error
  }
}
