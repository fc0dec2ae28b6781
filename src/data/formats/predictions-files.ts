import { extname } from 'node:path'
import { DataError } from '../../errors.ts'
import { regularFile } from '../../tensor/reads-files.ts'
import {
  type PredictionReading,
  type PredictionSet,
  parsePredictionCsv,
  parsePredictionLines,
} from './predictions.ts'
import { readText } from './text-files.ts'

const readers = {
  '.jsonl': parsePredictionLines,
  '.ndjson': parsePredictionLines,
  '.csv': parsePredictionCsv,
} as const

const isPredictionExtension = (extension: string): extension is keyof typeof readers =>
  Object.hasOwn(readers, extension)

/** Whether a path has the ending of a prediction file: .jsonl, .ndjson or .csv. */
export const isPredictionFile = (path: string): boolean => isPredictionExtension(extname(path).toLowerCase())

/**
 * Reads a prediction file, by its ending: JSON Lines or CSV.
 *
 * @throws DataError `predictions-missing`, `predictions-format`, and what {@link parsePredictionLines} and {@link parsePredictionCsv} throw.
 * @example
 * const old = await loadPredictions('old-predictions.jsonl')
 */
export async function loadPredictions(path: string, options: PredictionReading = {}): Promise<PredictionSet> {
  const extension = extname(path).toLowerCase()
  if (!isPredictionExtension(extension)) {
    throw new DataError(
      'predictions-format',
      `${path}: expected predictions as .jsonl, .ndjson or .csv, found ${extension || 'no ending'}.`,
    )
  }
  return readers[extension](await readTextFile(path, 'predictions-missing', options), path, options)
}

/**
 * Ids, one a line; empty lines are passed over.
 *
 * @throws DataError `ids-missing` when the file cannot be read, `ids-empty` when it holds none.
 * @example
 * const neverFlip = await loadIds('never-flip.txt')
 */
export async function loadIds(path: string): Promise<{ readonly id: string; readonly place: string }[]> {
  const lines = (await readTextFile(path, 'ids-missing')).split('\n')
  const ids = lines.flatMap((line, index) =>
    line.trim() === '' ? [] : [{ id: line.trim(), place: `${path}, line ${index + 1}` }],
  )
  if (ids.length > 0) return ids
  throw new DataError('ids-empty', `${path}: expected one id a line, found none.`)
}

async function readTextFile(path: string, code: string, options: PredictionReading = {}): Promise<string> {
  await regularFile(path, { code })
  return readText(path, options)
}
