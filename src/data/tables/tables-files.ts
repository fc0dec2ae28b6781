import { createReadStream } from 'node:fs'
import { parse } from 'csv-parse'
import { DataError } from '../../errors.ts'
import {
  csvHeader,
  csvOptions,
  csvProblem,
  csvTable,
  jsonTable,
  type Line,
  type ParsedRecord,
  type Record,
  recordOf,
  type Table,
  type TableOptions,
} from '../formats/index.ts'
import { parquetTables, reading } from '../formats/index-files.ts'

/** A file's rows as tables of at most `rows` rows, read as they are asked for. */
type Reader = (path: string, rows: number, options: TableOptions) => AsyncGenerator<Table>

/** The formats of tables, by their files' extension. */
export const tableReaders = {
  '.csv': csvTables,
  '.jsonl': jsonTables,
  '.ndjson': jsonTables,
  '.parquet': parquetTables,
} as const satisfies { readonly [extension: string]: Reader }

export type TableExtension = keyof typeof tableReaders

export function isTable(extension: string): extension is TableExtension {
  return Object.hasOwn(tableReaders, extension)
}

/**
 * Reads CSV (RFC 4180) in bounded memory.
 *
 * @throws DataError `csv-syntax`, `csv-header`, `csv-empty`, `file-unreadable`.
 */
async function* csvTables(path: string, rows: number, options: TableOptions): AsyncGenerator<Table> {
  let columns: readonly string[] | undefined
  let records: Record[] = []
  let any = false
  for await (const record of csvRecords(path)) {
    if (columns === undefined) {
      const header = options.header !== false
      columns = csvHeader(record, path, header)
      if (header) continue
    }
    any = true
    if (records.push(record) < rows) continue
    yield csvTable(records, columns, path)
    records = []
  }
  if (columns === undefined)
    throw new DataError('csv-empty', `${path}: expected a header and rows, found an empty file.`)
  if (!any) throw new DataError('csv-empty', `${path}: there is a header, but no row below it.`)
  if (records.length > 0) yield csvTable(records, columns, path)
}

async function* csvRecords(path: string): AsyncGenerator<Record> {
  const stream = createReadStream(path)
  const parser = parse(csvOptions)
  // pipe() does not hand errors on.
  stream.on('error', (error) => parser.destroy(error))
  try {
    for await (const parsed of stream.pipe(parser)) yield recordOf(parsed as ParsedRecord)
  } catch (error) {
    const problem = csvProblem(error, path)
    await reading(path, () => Promise.reject(problem))
  } finally {
    stream.destroy()
  }
}

/**
 * Reads JSON Lines in bounded memory. Lines of white space are passed over.
 *
 * @throws DataError `json-syntax`, `json-row`, `file-unreadable`.
 */
async function* jsonTables(path: string, rows: number): AsyncGenerator<Table> {
  let columns: readonly string[] | undefined
  let lines: Line[] = []
  const flush = (): Table => {
    const table = jsonTable(lines, path, columns)
    columns = table.columns
    lines = []
    return table
  }
  for await (const line of textLines(path)) {
    if (line.text.trim() !== '' && lines.push(line) >= rows) yield flush()
  }
  if (lines.length > 0) yield flush()
  if (columns === undefined)
    throw new DataError('json-row', `${path}: expected one JSON object a line, found none.`)
}

async function* textLines(path: string): AsyncGenerator<Line> {
  let rest = ''
  let number = 0
  const stream = createReadStream(path, 'utf8')
  try {
    for await (const chunk of stream) {
      const pieces = (rest + String(chunk)).split('\n')
      rest = pieces.pop() ?? ''
      for (const text of pieces) yield { text: number++ === 0 ? text.replace(/^\uFEFF/, '') : text, number }
    }
  } catch (error) {
    await reading(path, () => Promise.reject(error))
  }
  yield { text: number++ === 0 ? rest.replace(/^\uFEFF/, '') : rest, number }
}
