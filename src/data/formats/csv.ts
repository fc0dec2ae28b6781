import { type Options, parse } from 'csv-parse/browser/esm/sync'
import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { type CsvAsked, type CsvDialect, findDialect, nameOf } from './csv-dialect.ts'
import { dialects, numberOf, type Table } from './table.ts'

/** The cells of one record, and the line it ends on. */
export interface Record {
  readonly cells: readonly string[]
  readonly line: number
}

/** What the parser gives for each record under {@link csvOptions}. */
export interface ParsedRecord {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

/** A record longer than this has a quote that is not closed. */
const longestRecord = 128 * 2 ** 20

/** How CSV is parsed here (RFC 4180, in the file's dialect), whole or as a stream. */
export const csvOptions = ({ delimiter, trim, skip }: CsvDialect) =>
  ({
    delimiter,
    trim,
    from_line: 1 + skip,
    // By itself the parser goes by the first line's end, and takes others for part of a cell.
    record_delimiter: ['\r\n', '\n', '\r'],
    // Lengths are checked here, against the header.
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longestRecord,
    info: true,
  }) as const satisfies Options

export const recordOf = ({ record, info }: ParsedRecord): Record => ({ cells: record, line: info.lines })

/** The records of a CSV text below its header, each as long as that. */
export interface CsvRecords {
  readonly columns: readonly string[]
  readonly records: readonly Record[]
  readonly notes: readonly string[]
}

/**
 * Reads a CSV text with a header. An empty text has no columns.
 *
 * @throws DataError `csv-syntax`, `csv-header`, `csv-decimal`.
 */
export function readCsv(text: string, file: string, asked: CsvAsked = {}): CsvRecords {
  const { dialect, notes } = findDialect(text, true, file, asked)
  let all: Record[]
  try {
    all = (parse(text, csvOptions(dialect)) as unknown as ParsedRecord[]).map(recordOf)
  } catch (error) {
    throw csvProblem(error, file)
  }
  const [first] = all
  if (first === undefined) return { columns: [], records: [], notes }
  const rows = csvRows(csvHeader(first, file, true), dialect, file)
  const records = all.slice(1).flatMap((record) => rows.take(record) ?? [])
  return { columns: rows.columns, records, notes: [...notes, ...rows.notes()] }
}

/** What a CSV parser throws, as an error that names the file. */
export function csvProblem(error: unknown, file: string): DataError {
  const reason = error instanceof Error ? error.message : String(error)
  const hint = /quote/i.test(reason)
    ? ' A cell that holds quotes stands in quotes, and has its own doubled: "5"" pipe".'
    : ''
  return new DataError('csv-syntax', `${file}: not well-formed CSV: ${reason}.${hint}`, { cause: error })
}

/**
 * The names of a CSV file's columns, from its first record.
 *
 * @throws DataError `csv-header` when the record holds numbers only, or a name twice.
 */
export function csvHeader(first: Record, file: string, header: boolean): readonly string[] {
  if (!header) return first.cells.map((_, column) => String(column))
  const names = first.cells.map((cell) => cell.trim())
  if (names.every((cell) => numberOf(cell, dialects.csv) !== undefined)) {
    throw new DataError(
      'csv-header',
      `${file}, line ${first.line}: expected column names, found only numbers. Add a header, or say that there is none (header) and which column holds the label (labelColumn): columns are then called 0, 1, ...`,
    )
  }
  const seen = new Map<string, number>()
  for (const [column, name] of names.entries()) {
    const before = seen.get(name)
    if (before !== undefined && name !== '') {
      throw new DataError(
        'csv-header',
        `${file}, line ${first.line}: columns ${before + 1} and ${column + 1} are both called '${name}'. Give each a name of its own.`,
      )
    }
    seen.set(name, column)
  }
  return names
}

/** Records held to the header's length, and what was passed over. */
export interface CsvRows {
  readonly columns: readonly string[]
  /** The record as long as the header; undefined where all its cells are empty. */
  readonly take: (record: Record) => Record | undefined
  readonly notes: () => readonly string[]
}

export function csvRows(columns: readonly string[], { delimiter }: CsvDialect, file: string): CsvRows {
  let empty = 0
  let trailing = 0
  const take = (record: Record): Record | undefined => {
    const { cells, line } = record
    if (cells.every((cell) => cell.trim() === '')) {
      empty++
      return undefined
    }
    if (cells.length === columns.length) return record
    if (cells.length === columns.length + 1 && cells[columns.length]?.trim() === '') {
      trailing++
      return { cells: cells.slice(0, -1), line }
    }
    throw unevenRecord(record, columns.length, delimiter, file)
  }
  return {
    columns,
    take,
    notes: () => [
      ...(empty > 0
        ? [`${file}: ${count(empty, 'line')} without any content ${empty === 1 ? 'is' : 'are'} passed over.`]
        : []),
      ...(trailing > 0
        ? [
            `${file}: ${count(trailing, 'row')} end${trailing === 1 ? 's' : ''} with ${nameOf(delimiter)} too many, which is passed over.`,
          ]
        : []),
    ],
  }
}

function unevenRecord({ cells, line }: Record, width: number, delimiter: string, file: string): DataError {
  const more = cells.length > width
  const hint =
    cells.length === width + 1
      ? " If the first is a row's name, as R writes it, give it a name in the header."
      : ''
  return new DataError(
    'csv-syntax',
    `${file}, line ${line}: expected ${count(width, 'cell')} as in the header, found ${cells.length}. ${more ? `A cell that holds ${nameOf(delimiter)} has to stand in quotes.` : 'Is a delimiter missing, or a line broken in two?'}${hint} If something else parts the columns, say what (delimiter).`,
  )
}

/** Records below the header as a table. */
export function csvTable(
  records: readonly Record[],
  columns: readonly string[],
  file: string,
  decimal: '.' | ',' = '.',
): Table {
  return {
    file,
    dialect: { ...dialects.csv, decimal },
    columns,
    rows: records.length,
    value: (row, column) => records[row]?.cells[column],
    locate: (row) => `${file}, line ${records[row]?.line}`,
  }
}
