import { DataError } from '../../errors.ts'
import type { DatasetKind } from '../dataset.ts'

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
  /** Default true. With false, columns are called '0', '1', ... and `labelColumn` has to be given. CSV only. */
  readonly header?: boolean | undefined
  /** Reads the inputs alone: targets are then [N, 0]. */
  readonly unlabelled?: boolean | undefined
}

/** What differs between formats in how a table is read and spoken of. */
export interface Dialect {
  readonly noun: 'column' | 'field'
  /** Every cell is a text, numbers too. */
  readonly texts: boolean
  /** Whether columns that hold no numbers are passed over when features are looked for. */
  readonly passOver: boolean
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
}

/** A cell as a number, or undefined where it is none, or not finite. */
export function numberOf(value: unknown, { texts }: Dialect): number | undefined {
  if (texts && typeof value === 'string' && value.trim() === '') return undefined
  const number = typeof value === 'bigint' || (texts && typeof value === 'string') ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Lists of JSON and Parquet, and Parquet's numbers in typed arrays. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}

export function findColumn(table: Table, name: string): number {
  const column = table.columns.indexOf(name)
  if (column < 0) {
    throw new DataError(
      table.dialect.missingCode,
      `${table.file}: there is no ${table.dialect.noun} '${name}'; there are ${table.columns.join(', ')}.`,
    )
  }
  return column
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
  const { noun, texts, typeCode } = table.dialect
  const shown =
    found === undefined
      ? `no such ${noun}`
      : texts
        ? `'${String(found)}'`
        : (JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? Number(value) : value)) ?? '')
  const hint =
    texts && expected.includes('number')
      ? ' Remove the column or the row, or name the column of a text to classify (textColumn) or those of the numbers (featureColumns).'
      : ''
  return new DataError(
    typeCode,
    `${table.locate(row)}, ${noun} '${table.columns[column]}': expected ${expected}, found ${shown.slice(0, 60)}.${hint}`,
  )
}
