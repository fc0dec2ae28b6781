import { type Options, parse } from 'csv-parse/browser/esm/sync'
import { DataError } from '../../errors.ts'
import { dialects, numberOf, type Table } from './table.ts'

/** The cells of one record, and the line it ends on. */
export interface Record {
  readonly cells: readonly string[]
  readonly line: number
}

/** How CSV is parsed here (RFC 4180), whole or as a stream. */
export const csvOptions = { bom: true, info: true, skip_empty_lines: true } as const satisfies Options

/** What the parser gives for each record under {@link csvOptions}. */
export interface ParsedRecord {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

export const recordOf = ({ record, info }: ParsedRecord): Record => ({ cells: record, line: info.lines })

/** The cells of a CSV text, header included, with the line that each record ends on. */
export function parseRecords(text: string, file: string): Record[] {
  try {
    return (parse(text, csvOptions) as unknown as ParsedRecord[]).map(recordOf)
  } catch (error) {
    throw csvProblem(error, file)
  }
}

/** What a parser throws, as an error that names the file. */
export function csvProblem(error: unknown, file: string): unknown {
  // By its code: the parser for whole texts and the one for streams have a class each.
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!(error instanceof Error) || !code.startsWith('CSV_')) return error
  return new DataError('csv-syntax', `${file}: not well-formed CSV: ${error.message}.`, { cause: error })
}

/**
 * The names of a CSV file's columns, from its first record.
 *
 * @throws DataError `csv-header` when the record holds numbers only.
 */
export function csvHeader(first: Record, file: string, header: boolean): readonly string[] {
  if (!header) return first.cells.map((_, column) => String(column))
  if (first.cells.every((cell) => numberOf(cell, dialects.csv) !== undefined)) {
    throw new DataError(
      'csv-header',
      `${file}, line ${first.line}: expected column names, found only numbers. Add a header, or load it with header: false and labelColumn (columns are then '0', '1', ...).`,
    )
  }
  return first.cells
}

/** Records below the header as a table. */
export function csvTable(records: readonly Record[], columns: readonly string[], file: string): Table {
  return {
    file,
    dialect: dialects.csv,
    columns,
    rows: records.length,
    value: (row, column) => records[row]?.cells[column],
    locate: (row) => `${file}, line ${records[row]?.line}`,
  }
}
