import { DataError } from '../../errors.ts'
import { guessColumn, type Table, type TableOptions } from '../formats/index.ts'
import type { RawPart } from '../parts.ts'
import { hasLabels, planTable, readRows, severalLabels, type TablePlan } from '../tables/index.ts'
import { tableReader } from '../tables/index-files.ts'
import { type ImageFinder, imageFinder } from './image-finder-files.ts'
import type { Source, SourceOptions } from './source.ts'

/** A table is planned by so many rows, however few are asked for at a time: what a column is does not depend on that. */
const rowsPlanned = 2048

/** What readers of tables are told, and the model's classes where they are known. */
type Options = TableOptions & { readonly classes?: readonly string[] | undefined }

/** Rows of tables one after another, read by one plan; images that they name are looked for beside them. */
export async function* tableParts(
  paths: readonly string[],
  rows: number,
  options: Options,
): AsyncGenerator<RawPart> {
  let plan: TablePlan | undefined
  const [first = ''] = paths
  const several = severalLabels(options, first)
  for (const path of paths) {
    const finder = imageFinder(path, options)
    for await (const table of readerOf(path)(path, Math.max(rows, rowsPlanned), options)) {
      plan ??= planTable(table, await withImages(table, options, finder))
      for (let start = 0; start < table.rows; start += rows) {
        const part = readRows(slice(table, start, rows), plan, options.onNote)
        if (!('data' in part.labels)) several.add(part.labels)
        yield await beside({ ...part, total: table.total }, finder)
      }
    }
  }
  several.end()
}

/** Whether tables have the labels that are asked for: the test part of a competition has none. */
export async function labelled(paths: readonly string[], options: TableOptions): Promise<boolean> {
  const [path] = paths
  if (path === undefined) return false
  // Notes come when the rows are read.
  for await (const table of readerOf(path)(path, rowsPlanned, { ...options, onNote: undefined })) {
    return hasLabels(table, options)
  }
  return false
}

function readerOf(path: string) {
  const reader = tableReader(path)
  if (reader) return reader
  throw new DataError(
    'data-unrecognised',
    `${path}: expected a table: .csv, .tsv, .json, .jsonl or .parquet.`,
  )
}

function slice(table: Table, start: number, rows: number): Table {
  if (start === 0 && table.rows <= rows) return table
  return {
    ...table,
    rows: Math.min(rows, table.rows - start),
    value: (row, column) => table.value(start + row, column),
    locate: (row) => table.locate(start + row),
  }
}

async function beside(part: RawPart, finder: ImageFinder): Promise<RawPart> {
  if (!('images' in part.inputs)) return part
  return { ...part, inputs: { images: await Promise.all(part.inputs.images.map(finder.resolve)) } }
}

/** What a column that names images may be called, beyond what {@link planTable} knows. */
const imageColumnName =
  /^((image|img|photo|picture|file|path)([_ ]?(id|name|path|file|code))?|filename|filepath|id([_ ]?code)?)$/i

/** The options with the column that names images, where nothing says what the inputs are and its first names are those of files. */
async function withImages(table: Table, options: Options, finder: ImageFinder): Promise<Options> {
  const { textColumn, imageColumn, featureColumns } = options
  if (textColumn ?? imageColumn ?? featureColumns) return options
  if (guessColumn(table, ['file_name']) >= 0) return options
  for (const [column, name] of table.columns.entries()) {
    if (!imageColumnName.test(name) || !(await namesImages(table, column, finder))) continue
    options.onNote?.(`${table.file}: ${table.dialect.noun} '${name}' names the images.`)
    return { ...options, imageColumn: name }
  }
  return options
}

async function namesImages(table: Table, column: number, finder: ImageFinder): Promise<boolean> {
  for (let row = 0; row < Math.min(3, table.rows); row++) {
    const value = table.value(row, column)
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return false
    if ((await finder.find(String(value))) === undefined) return false
  }
  return true
}

export const tableSource = (paths: readonly string[], options: SourceOptions): Source => ({
  parts: (rows) => tableParts(paths, rows, options),
})
