import { DataError, didYouMean } from '../../errors.ts'
import type { DatasetKind } from '../dataset.ts'
import { parseNumber } from './csv-dialect.ts'

/** Which columns or fields of a table are what. */
export interface TableOptions {
  /** What the labels say; default by what the label column holds, see {@link planTable}. */
  readonly kind?: DatasetKind | undefined
  /** Default: the first of label, labels, class, target that there is, whatever its case. */
  readonly labelColumn?: string | undefined
  /** Columns of 0 and 1, one a class: several classes a row. */
  readonly labelColumns?: readonly string[] | undefined
  /** What parts several labels in one text, with `kind: 'multi-label'`; default `;`. */
  readonly separator?: string | undefined
  /** Columns that hold numbers to be predicted, instead of a label. */
  readonly targetColumns?: readonly string[] | undefined
  /** The text to classify; default text, sentence or content, where one of these is there. */
  readonly textColumn?: string | undefined
  /** The images: file names, or `{bytes, path}` in Parquet; default file_name, image or img. */
  readonly imageColumn?: string | undefined
  /** The numbers to learn from; default every column that is nothing else. */
  readonly featureColumns?: readonly string[] | undefined
  /** What each row is called: no number to learn from. Default: columns that count the rows, and index columns of pandas. */
  readonly idColumn?: string | undefined
  /** Default true. With false, columns are called '0', '1', ... and `labelColumn` has to be given. CSV only. */
  readonly header?: boolean | undefined
  /** What parts the columns of CSV; default: found out, see {@link findDialect}. */
  readonly delimiter?: string | undefined
  /** What parts a number's whole from its fraction in CSV; default: found out. */
  readonly decimal?: '.' | ',' | undefined
  /** Of CSV and JSON files that are not UTF-8: a label of the Encoding Standard, `windows-1252` for example. */
  readonly encoding?: string | undefined
  /** How many numbers the model reads a row, where that is fixed. */
  readonly width?: number | undefined
  /** The columns in the order in which the model reads them, where that is known. */
  readonly featureOrder?: readonly string[] | undefined
  /** Reads the inputs alone: targets are then [N, 0]. */
  readonly unlabelled?: boolean | undefined
  /** Called with what was recognised, altered or left out, each once: a sentence that names the file. */
  readonly onNote?: ((note: string) => void) | undefined
}

/** What differs between formats in how a table is read and spoken of. */
export interface Dialect {
  readonly noun: 'column' | 'field'
  /** Every cell is a text, numbers too. */
  readonly texts: boolean
  /** Whether columns that hold no numbers are passed over when features are looked for; their order has no meaning then. */
  readonly passOver: boolean
  /** What parts a number's whole from its fraction, where cells are texts. */
  readonly decimal?: '.' | ',' | undefined
  readonly missingCode: 'column-missing' | 'field-missing'
  readonly typeCode: 'cell-not-a-number' | 'field-type'
}

export const dialects = {
  csv: {
    noun: 'column',
    texts: true,
    passOver: false,
    missingCode: 'column-missing',
    typeCode: 'cell-not-a-number',
  },
  json: {
    noun: 'field',
    texts: false,
    passOver: true,
    missingCode: 'field-missing',
    typeCode: 'field-type',
  },
  parquet: {
    noun: 'column',
    texts: false,
    passOver: false,
    missingCode: 'column-missing',
    typeCode: 'field-type',
  },
} as const satisfies Record<string, Dialect>

/** Some rows of a table, as its format's reader gives them. */
export interface Table {
  readonly file: string
  readonly dialect: Dialect
  readonly columns: readonly string[]
  readonly rows: number
  readonly value: (row: number, column: number) => unknown
  /** For example `data.csv, line 7`. */
  readonly locate: (row: number) => string
  /** Names of the classes that columns hold indexes of. */
  readonly classNames?: ReadonlyMap<string, readonly string[]> | undefined
  /** How many rows the whole file has, where that is known before they are read. */
  readonly total?: number | undefined
}

/** A cell as a number, or undefined where it is none, or not finite. */
export function numberOf(value: unknown, { texts, decimal = '.' }: Dialect): number | undefined {
  const number =
    typeof value === 'bigint'
      ? Number(value)
      : texts && typeof value === 'string'
        ? parseNumber(value, decimal)
        : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Lists of JSON and Parquet, and Parquet's numbers in typed arrays. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}

/** @throws DataError `column-missing` (`field-missing` in JSON). */
export function findColumn(table: Table, name: string): number {
  const [column = -1] = findColumns(table, [name])
  return column
}

/** The places of columns by name, whatever spaces stand around it. */
export function findColumns(table: Table, names: readonly string[]): number[] {
  // One look-up table for all: a file may have 100,000 columns.
  const places = new Map(table.columns.map((name, column) => [name.trim(), column]))
  return names.map((name) => {
    const column = places.get(name.trim())
    if (column !== undefined) return column
    throw new DataError(
      table.dialect.missingCode,
      `${table.file}: there is no ${table.dialect.noun} '${name}'; there are ${columnsShown(table)}.${didYouMean(name, table.columns.slice(0, 200))}`,
    )
  })
}

/** The names of a table's columns for a message, the first of many. */
export function columnsShown({ columns }: Table): string {
  const most = 24
  return columns.length <= most
    ? columns.join(', ')
    : `${columns.slice(0, most).join(', ')} and ${columns.length - most} more`
}

/** The first of `names` that is a column, whatever its case; -1 where none is. */
export function guessColumn(table: Table, names: readonly string[]): number {
  const lower = table.columns.map((name) => name.trim().toLowerCase())
  return names.map((name) => lower.indexOf(name)).find((column) => column >= 0) ?? -1
}

export function wrongCell(
  table: Table,
  row: number,
  column: number,
  expected: string,
  found: unknown,
): DataError {
  const { noun, typeCode } = table.dialect
  return new DataError(
    typeCode,
    `${table.locate(row)}, ${noun} '${table.columns[column]}': expected ${expected}, found ${shownValue(found, table.dialect)}.${hintFor(table, expected, found)}`,
  )
}

function shownValue(found: unknown, { noun, texts }: Dialect): string {
  if (found === undefined) return `no such ${noun}`
  if (texts) return `'${String(found).slice(0, 60)}'`
  // Values from files may be nested deeper than a stack goes.
  if (isList(found)) return `a list of ${found.length}`
  if (typeof found === 'object' && found !== null)
    return `an object of ${Object.keys(found).slice(0, 4).join(', ')}`
  return typeof found === 'string' ? JSON.stringify(found.slice(0, 60)) : String(found)
}

function hintFor({ dialect }: Table, expected: string, found: unknown): string {
  if (!dialect.texts || !expected.includes('number')) return ''
  if (/^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(String(found).trim()) && dialect.decimal !== ',')
    return ' Write numbers without separators of thousands; if this is a decimal comma, say so (decimal).'
  if (/^[+-]?\d*,\d+$/.test(String(found).trim())) return ' If this is a decimal comma, say so (decimal).'
  return ' Remove the column or the row, or name the columns of numbers to learn from (featureColumns), or that of a text to classify (textColumn).'
}
