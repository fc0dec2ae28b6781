import { DataError } from '../errors.ts'
import { preview } from './names/index.ts'
import { asWarning } from './notes.ts'
import type { LoadedData } from './parts.ts'
import type { ReadOptions } from './read-options.ts'

/** What the columns of data that were read before are called, in the order in which the model reads them. */
export interface NamedColumns {
  /** What messages call these data. */
  readonly name: string
  /** undefined where they have no names. */
  readonly columns: readonly string[] | undefined
}

export const columnsOf = (data: LoadedData): NamedColumns => ({
  name: data.train.name,
  columns: data.columns,
})

/**
 * Reads data beside others that were read before: one model reads both, so their columns of numbers have to be the same ones in
 * the same places. Where both have the same columns in another order they are read again, by name. Nothing is compared where
 * one of the two has no names for them: arrays, images, texts, and tables without a header, whose columns are called 0, 1, ….
 *
 * @param read Reads the data, by the options that it is handed.
 * @throws DataError `columns-differ` where the names differ. Where `options.featureColumns` says which columns the model reads,
 * that is a warning among the notes.
 * @example
 * const fresh = await inColumnsOf(columnsOf(old), options, (how) => readDataset('new.csv', how))
 */
export async function inColumnsOf(
  before: NamedColumns | undefined,
  options: ReadOptions,
  read: (options: ReadOptions) => Promise<LoadedData>,
): Promise<LoadedData> {
  const found = await read(options)
  if (!before?.columns || !found.columns) return found
  const differ = difference(before.columns, found.columns)
  if (!differ || areNumbers(before.columns) !== areNumbers(found.columns)) return found
  const { featureColumns, featureOrder } = options
  if (featureColumns) {
    const note = `${found.train.name}: the columns that are named for it are not those of ${before.name}: ${differ.words}. They are read in the order in which they are named.`
    return { ...found, notes: [asWarning(note), ...found.notes] }
  }
  if (!differ.inOrderAlone || featureOrder) throw otherColumns(found, before, differ)
  const again = await read({ ...options, featureOrder: before.columns })
  const note = `${again.train.name}: its columns stand in another order than those of ${before.name}, and are read in that of the latter.`
  return { ...again, notes: [note, ...again.notes] }
}

interface Difference {
  /** Whether both have the same names. */
  readonly inOrderAlone: boolean
  readonly words: string
}

/** How two lists of columns differ; undefined where they are equal. */
function difference(before: readonly string[], found: readonly string[]): Difference | undefined {
  const [missing, strange] = [without(before, found), without(found, before)]
  if (missing.length + strange.length === 0) {
    const equal = before.every((name, at) => name === found[at])
    return equal ? undefined : { inOrderAlone: true, words: `the order there is ${preview(before)}` }
  }
  const are = (names: readonly string[]) => `${preview(names)} ${names.length === 1 ? 'is' : 'are'}`
  const words = [
    ...(missing.length > 0 ? [`${are(missing)} missing`] : []),
    ...(strange.length > 0 ? [`${are(strange)} not among them`] : []),
  ]
  return { inOrderAlone: false, words: words.join(', ') }
}

function without(names: readonly string[], others: readonly string[]): string[] {
  const there = new Set(others)
  return names.filter((name) => !there.has(name))
}

/** Whether columns are called by their places alone. */
const areNumbers = (columns: readonly string[]): boolean => columns.every((name) => /^\d+$/.test(name))

function otherColumns({ train }: LoadedData, before: NamedColumns, differ: Difference): DataError {
  const how = differ.inOrderAlone
    ? `holdfast.json beside the model names the columns in another order than that of ${before.name} (${differ.words}). Correct it there, or make the pack anew.`
    : `its columns are not those of ${before.name}, which the same model reads: ${differ.words}. Give the columns the names that they have there; or, if they hold the same under other names, name those to read in the model's order (featureColumns).`
  return new DataError('columns-differ', `${train.name}: ${how}`)
}
