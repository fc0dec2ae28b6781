import { CsvError, parse } from 'csv-parse/browser/esm/sync'
import { DataError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { RawPart } from './parts.ts'

/** Which columns or fields of a table are what. */
export interface TableOptions {
  /** Default: the first of label, labels, class, target that there is, whatever its case. */
  readonly labelColumn?: string | undefined
  /** The text to classify; default text, sentence or content, where one of these is there. */
  readonly textColumn?: string | undefined
  /** Columns that hold numbers to be predicted, instead of a label. */
  readonly targetColumns?: readonly string[] | undefined
  /** Default true. With false, columns are called '0', '1', ... and `labelColumn` has to be given. CSV only. */
  readonly header?: boolean | undefined
}

const labelNames = ['label', 'labels', 'class', 'target']
const textNames = ['text', 'sentence', 'content']

interface Record {
  readonly cells: readonly string[]
  readonly line: number
}

/**
 * Rows of a CSV text (RFC 4180): a text column becomes inputs string [N]; otherwise every column but the label becomes
 * a float32 feature, [N, columns].
 *
 * @param file Named in errors.
 * @throws DataError `csv-syntax`, `csv-empty`, `column-missing`, `cell-not-a-number` (with line and column), `label-missing`.
 * @example
 * parseCsv('x,y,label\n1,2,cat\n3,4,dog\n', 'pets.csv', {})
 */
export function parseCsv(text: string, file: string, options: TableOptions): RawPart {
  const records = parseRecords(text, file)
  const [first] = records
  if (first === undefined)
    throw new DataError('csv-empty', `${file}: expected a header and rows, found an empty file.`)
  const header = options.header === false ? first.cells.map((_, column) => String(column)) : first.cells
  const rows = options.header === false ? records : records.slice(1)
  if (header === first.cells && header.every((cell) => toNumber(cell) !== undefined)) {
    throw new DataError(
      'csv-header',
      `${file}, line ${first.line}: expected column names, found only numbers. Add a header, or load it with header: false and labelColumn (columns are then '0', '1', ...).`,
    )
  }
  if (rows.length === 0) throw new DataError('csv-empty', `${file}: there is a header, but no row below it.`)
  const locate = (row: number) => `${file}, line ${rows[row]?.line}`
  const targets = options.targetColumns?.map((name) => findColumn(header, name, file))
  const label = targets ? -1 : labelColumn(header, file, options)
  const textAt = textColumn(header, file, options, label)
  const taken = new Set([label, ...(targets ?? [])])
  const features = header.flatMap((_, column) => (taken.has(column) ? [] : [column]))
  const inputs: Tensor =
    textAt >= 0
      ? { type: 'string', dims: [rows.length], data: rows.map(({ cells }) => cells[textAt] ?? '') }
      : numbers(rows, features, header, locate)
  return {
    inputs,
    labels: targets
      ? numbers(rows, targets, header, locate)
      : { values: rows.map(({ cells }) => (cells[label] ?? '').trim()), locate },
  }
}

/** The cells of a CSV text, header included, with the line that each record ends on. */
export function parseRecords(text: string, file: string): Record[] {
  try {
    const parsed = parse(text, { bom: true, info: true, skip_empty_lines: true }) as unknown as {
      record: string[]
      info: { lines: number }
    }[]
    return parsed.map(({ record, info }) => ({ cells: record, line: info.lines }))
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new DataError('csv-syntax', `${file}: not well-formed CSV: ${error.message}.`, { cause: error })
  }
}

function numbers(
  rows: readonly Record[],
  columns: readonly number[],
  header: readonly string[],
  locate: (row: number) => string,
): Tensor<'float32'> {
  const data = new Float32Array(rows.length * columns.length)
  let at = 0
  for (const [row, { cells }] of rows.entries()) {
    for (const column of columns) {
      const value = toNumber(cells[column] ?? '')
      if (value === undefined) {
        throw new DataError(
          'cell-not-a-number',
          `${locate(row)}, column '${header[column]}': expected a number, found '${cells[column] ?? ''}'. Remove the column or the row, or name the column of a text to classify (textColumn).`,
        )
      }
      data[at++] = value
    }
  }
  return { type: 'float32', dims: [rows.length, columns.length], data }
}

function toNumber(cell: string): number | undefined {
  const value = Number(cell)
  return cell.trim() !== '' && Number.isFinite(value) ? value : undefined
}

function labelColumn(header: readonly string[], file: string, { labelColumn: asked }: TableOptions): number {
  if (asked !== undefined) return findColumn(header, asked, file)
  const found = guess(header, labelNames)
  if (found >= 0) return found
  throw new DataError(
    'column-missing',
    `${file}: no column is called ${labelNames.join(', ')}; there are ${header.join(', ')}. Say which holds the label (labelColumn) or the numbers to predict (targetColumns).`,
  )
}

function textColumn(header: readonly string[], file: string, options: TableOptions, label: number): number {
  if (options.textColumn !== undefined) return findColumn(header, options.textColumn, file)
  const found = guess(header, textNames)
  return found === label ? -1 : found
}

function guess(header: readonly string[], names: readonly string[]): number {
  const lower = header.map((name) => name.trim().toLowerCase())
  return names.map((name) => lower.indexOf(name)).find((column) => column >= 0) ?? -1
}

function findColumn(header: readonly string[], name: string, file: string): number {
  const column = header.indexOf(name)
  if (column < 0) {
    throw new DataError(
      'column-missing',
      `${file}: there is no column '${name}'; there are ${header.join(', ')}.`,
    )
  }
  return column
}
