import { Readable } from 'node:stream'
import { parse } from 'csv-parse'
import { DataError, HoldfastError } from '../../errors.ts'
import {
  type CsvDialect,
  type CsvRows,
  csvHeader,
  csvOptions,
  csvProblem,
  csvRows,
  csvTable,
  findDialect,
  type ParsedRecord,
  type Record,
  recordOf,
  type Table,
  type TableOptions,
} from '../formats/index.ts'
import { textChunks } from '../formats/index-files.ts'

/** How much of a CSV file is looked at to find out how it is written. */
const headLength = 2 ** 16

/**
 * Reads CSV (RFC 4180, see {@link findDialect}) in bounded memory.
 *
 * @throws DataError `csv-syntax`, `csv-header`, `csv-empty`, `csv-decimal`, `text-encoding`, `file-unreadable`.
 */
export async function* csvTables(path: string, rows: number, options: TableOptions): AsyncGenerator<Table> {
  const { head, rest, whole } = await beginning(textChunks(path, options))
  const { dialect, notes } = findDialect(head, whole, path, options)
  for (const note of notes) options.onNote?.(note)
  let kept: CsvRows | undefined
  let records: Record[] = []
  let any = false
  for await (const record of csvRecords(path, rest, dialect)) {
    if (kept === undefined) {
      const header = options.header !== false
      kept = csvRows(csvHeader(record, path, header), dialect, path)
      if (header) continue
    }
    const row = kept.take(record)
    if (row === undefined) continue
    any = true
    if (records.push(row) < rows) continue
    yield csvTable(records, kept.columns, path, dialect.decimal)
    records = []
  }
  if (kept === undefined)
    throw new DataError('csv-empty', `${path}: expected a header and rows, found an empty file.`)
  if (!any) throw new DataError('csv-empty', `${path}: there is a header, but no row below it.`)
  for (const note of kept.notes()) options.onNote?.(note)
  if (records.length > 0) yield csvTable(records, kept.columns, path, dialect.decimal)
}

/** The first part of a text, and all of it once more. */
async function beginning(
  chunks: AsyncGenerator<string>,
): Promise<{ readonly head: string; readonly whole: boolean; readonly rest: AsyncGenerator<string> }> {
  let head = ''
  let whole = false
  while (head.length < headLength) {
    const { done, value } = await chunks.next()
    if (done) {
      whole = true
      break
    }
    head += value
  }
  const rest = async function* () {
    yield head
    if (!whole) yield* chunks
  }
  return { head, whole, rest: rest() }
}

async function* csvRecords(
  path: string,
  text: AsyncGenerator<string>,
  dialect: CsvDialect,
): AsyncGenerator<Record> {
  const source = Readable.from(text)
  const parser = parse(csvOptions(dialect))
  // pipe() does not hand errors on.
  source.on('error', (error) => parser.destroy(error))
  const records = source.pipe(parser)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await records.next().catch((error: unknown) => {
        throw error instanceof HoldfastError ? error : csvProblem(error, path)
      })
      if (next.done) return
      yield recordOf(next.value as ParsedRecord)
    }
  } finally {
    source.destroy()
    parser.destroy()
  }
}
