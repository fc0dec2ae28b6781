import { DataError } from '../../errors.ts'
import {
  type JsonRow,
  jsonFields,
  jsonList,
  jsonRow,
  jsonTable,
  type Table,
  type TableOptions,
} from '../formats/index.ts'
import { readText, textChunks } from '../formats/index-files.ts'

/** A line longer than this is no row. */
const longestLine = 128 * 2 ** 20

/**
 * Reads JSON Lines in bounded memory, or a list of objects (`[{…}, …]`) whole. Lines of white space are passed over. The
 * fields are those of the first part's rows, in the order in which they appear.
 *
 * @throws DataError `json-syntax`, `json-row`, `text-encoding`, `data-too-large`, `file-unreadable`.
 */
export async function* jsonTables(path: string, rows: number, options: TableOptions): AsyncGenerator<Table> {
  let columns: readonly string[] | undefined
  let taken: JsonRow[] = []
  const late = new Set<string>()
  const flush = (): Table => {
    if (columns === undefined) columns = jsonFields(taken)
    else for (const name of unknownOf(taken, new Set(columns))) late.add(name)
    const table = jsonTable(taken, path, columns)
    taken = []
    return table
  }
  for await (const row of jsonRows(path, options)) {
    if (taken.push(row) >= rows) yield flush()
  }
  if (taken.length > 0) yield flush()
  if (columns === undefined)
    throw new DataError('json-row', `${path}: expected one JSON object a line, found none.`)
  if (late.size === 0) return
  options.onNote?.(
    `${path}: the fields ${[...late].slice(0, 8).join(', ')} do not appear in the first ${rows} rows, and are not read.`,
  )
}

const unknownOf = (rows: readonly JsonRow[], known: ReadonlySet<string>): readonly string[] =>
  rows.flatMap(({ fields }) => Object.keys(fields).filter((name) => !known.has(name)))

async function* jsonRows(path: string, options: TableOptions): AsyncGenerator<JsonRow> {
  let begun = false
  for await (const { text, number } of textLines(path, options)) {
    if (text.trim() === '') continue
    if (!begun && text.trimStart().startsWith('[')) {
      yield* jsonList(await readText(path, options), path)
      return
    }
    begun = true
    const place = `line ${number}`
    yield { fields: jsonRow(text, `${path}, ${place}`), place }
  }
}

interface Line {
  readonly text: string
  /** From 1 on. */
  readonly number: number
}

async function* textLines(path: string, options: TableOptions): AsyncGenerator<Line> {
  let pieces: string[] = []
  let length = 0
  let number = 0
  for await (const chunk of textChunks(path, options)) {
    const [first = '', ...others] = chunk.split('\n')
    const last = others.pop()
    pieces.push(first)
    length += first.length
    if (length > longestLine) {
      throw new DataError(
        'json-row',
        `${path}, line ${number + 1}: expected one JSON object a line, found a line of more than ${longestLine / 2 ** 20} MiB. Larger files are read as .parquet.`,
      )
    }
    if (last === undefined) continue
    yield { text: pieces.join(''), number: ++number }
    for (const text of others) yield { text, number: ++number }
    pieces = [last]
    length = last.length
  }
  yield { text: pieces.join(''), number: ++number }
}
