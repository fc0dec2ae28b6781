import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { dialects, type Table } from './table.ts'

type Fields = Readonly<{ [field: string]: unknown }>

/** An object of a JSON file. */
export interface JsonRow {
  readonly fields: Fields
  /** Within the file: `line 7`. */
  readonly place: string
}

/** The fields of some rows, in the order in which they first appear. */
export function jsonFields(rows: readonly JsonRow[]): readonly string[] {
  const names = new Set<string>()
  for (const { fields } of rows) for (const name of Object.keys(fields)) names.add(name)
  return [...names]
}

/** Objects of a JSON file as a table; a row need not have all fields. */
export function jsonTable(rows: readonly JsonRow[], file: string, columns: readonly string[]): Table {
  return {
    file,
    dialect: dialects.json,
    columns,
    rows: rows.length,
    value: (row, column) => {
      const fields = rows[row]?.fields ?? {}
      const name = itemAt(columns, column, 'column')
      // Not what every object has: a field may be called toString.
      return Object.hasOwn(fields, name) ? fields[name] : undefined
    },
    locate: (row) => `${file}, ${rows[row]?.place}`,
  }
}

/**
 * One line of JSON Lines.
 *
 * @throws DataError `json-syntax`, `json-row`.
 */
export function jsonRow(line: string, place: string): Fields {
  return objectOf(parsed(line, place, 'one JSON object'), place)
}

/**
 * The objects of a JSON list.
 *
 * @throws DataError `json-syntax`, `json-row` with the entry, counted from 0.
 */
export function jsonList(text: string, file: string): JsonRow[] {
  const value = parsed(text, file, 'a JSON list of objects')
  if (!Array.isArray(value)) throw notAnObject(value, file)
  return value.map((entry: unknown, index) => {
    const place = `entry ${index}`
    return { fields: objectOf(entry, `${file}, ${place}`), place }
  })
}

function parsed(text: string, place: string, expected: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const hint = /\b(NaN|Infinity)\b/.test(text)
      ? ' NaN and Infinity are not JSON: leave such rows out.'
      : text.trim() === '{'
        ? " A row stands in one line; pandas writes it so with to_json(orient='records', lines=True)."
        : ''
    throw new DataError(
      'json-syntax',
      `${place}: expected ${expected}, found text that is not JSON: ${reason}.${hint}`,
      { cause: error },
    )
  }
}

function objectOf(value: unknown, place: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject(value, place)
  const values = Object.values(value)
  const keys = (inner: unknown): string =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.keys(inner).join() : ''
  const rows = keys(values[0])
  if (/^0(,\d+)*$/.test(rows) && values.every((inner) => keys(inner) === rows)) {
    throw new DataError(
      'json-row',
      `${place}: expected a row, found columns of all rows. Write rows; pandas does with to_json(orient='records', lines=True).`,
    )
  }
  return value as Fields
}

function notAnObject(value: unknown, place: string): DataError {
  const kind = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`
  return new DataError(
    'json-row',
    `${place}: expected a JSON object such as {"x": [1, 2], "label": 0}, found ${kind}.`,
  )
}
