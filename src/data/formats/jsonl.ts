import { DataError } from '../../errors.ts'
import { dialects, type Table } from './table.ts'

type Row = Readonly<{ [field: string]: unknown }>

/** A line of a file that is not blank. */
export interface Line {
  readonly text: string
  /** From 1 on. */
  readonly number: number
}

/**
 * Lines of JSON, one object each, as a table.
 *
 * @param known The columns, for lines after the first part; default the fields of the first line.
 * @throws DataError `json-syntax`, `json-row` with the line.
 */
export function jsonTable(lines: readonly Line[], file: string, known?: readonly string[]): Table {
  const rows = lines.map(({ text, number }) => parseRow(text, `${file}, line ${number}`))
  const columns = known ?? Object.keys(rows[0] ?? {})
  return {
    file,
    dialect: dialects.json,
    columns,
    rows: rows.length,
    value: (row, column) => rows[row]?.[columns[column] ?? ''],
    locate: (row) => `${file}, line ${lines[row]?.number}`,
  }
}

function parseRow(line: string, place: string): Row {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError(
      'json-syntax',
      `${place}: expected one JSON object, found text that is not JSON: ${reason}.`,
      { cause: error },
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(
      'json-row',
      `${place}: expected a JSON object such as {"x": [1, 2], "label": 0}, found ${line.slice(0, 40)}.`,
    )
  }
  return value as Row
}
