import { DataError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { TableOptions } from './csv.ts'
import { sorted } from './labels.ts'
import type { RawPart } from './parts.ts'

const labelFields = ['label', 'labels', 'class', 'target']
const textFields = ['text', 'sentence', 'content']
const arrayFields = ['features', 'x', 'input']

type Row = Readonly<{ [field: string]: unknown }>

/**
 * Rows of JSON Lines, one object a line. Inputs are, whichever is there first: a text field (string [N]); an array field
 * `features`, `x` or `input`, nested arrays giving more dims (float32 [N, ...]); all numeric fields but the label, sorted by
 * name (float32 [N, fields]). All rows must have the same fields and dims. Lines of white space are passed over.
 *
 * @param file Named in errors.
 * @throws DataError `json-syntax`, `json-row`, `field-missing`, `field-type`, each with the line.
 * @example
 * parseJsonLines('{"text": "hello", "label": "greeting"}\n', 'intents.jsonl', {})
 */
export function parseJsonLines(text: string, file: string, options: TableOptions): RawPart {
  const rows: Row[] = []
  const lines: number[] = []
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '') continue
    rows.push(parseRow(line, `${file}, line ${index + 1}`))
    lines.push(index + 1)
  }
  const [first] = rows
  if (first === undefined)
    throw new DataError('json-row', `${file}: expected one JSON object a line, found none.`)
  const locate = (row: number) => `${file}, line ${lines[row]}`
  const label = options.targetColumns
    ? undefined
    : (options.labelColumn ?? labelFields.find((field) => field in first))
  if (label === undefined && !options.targetColumns) {
    throw new DataError(
      'field-missing',
      `${locate(0)}: no field is called ${labelFields.join(', ')}; there are ${Object.keys(first).join(', ')}. Say which holds the label (labelColumn).`,
    )
  }
  return {
    inputs: readInputs(rows, [label ?? '', ...(options.targetColumns ?? [])], locate, options),
    labels: options.targetColumns
      ? readNumbers(rows, options.targetColumns, locate)
      : { values: rows.map((row, index) => readLabel(row, label ?? '', locate(index))), locate },
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
      {
        cause: error,
      },
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

function readLabel(row: Row, field: string, place: string): string | number {
  const value = row[field]
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'string' || typeof value === 'number') return value
  throw wrongField(place, field, 'a text or number as label', value)
}

function readInputs(
  rows: readonly Row[],
  taken: readonly string[],
  locate: (row: number) => string,
  options: TableOptions,
): Tensor {
  const first = rows[0] ?? {}
  const free = Object.keys(first).filter((field) => !taken.includes(field))
  const text = options.textColumn ?? textFields.find((field) => free.includes(field))
  if (text !== undefined) {
    const data = rows.map((row, index) => {
      const value = row[text]
      if (typeof value !== 'string') throw wrongField(locate(index), text, 'a text', value)
      return value
    })
    return { type: 'string', dims: [rows.length], data }
  }
  const array = arrayFields.find((field) => free.includes(field) && Array.isArray(first[field]))
  if (array !== undefined) return readArrays(rows, array, locate)
  const numeric = sorted(free.filter((field) => typeof first[field] === 'number'))
  if (numeric.length > 0) return readNumbers(rows, numeric, locate)
  throw new DataError(
    'field-missing',
    `${locate(0)}: expected a text field, an array called ${arrayFields.join(', ')}, or numeric fields beside the label; there are ${Object.keys(first).join(', ')}.`,
  )
}

function readNumbers(
  rows: readonly Row[],
  fields: readonly string[],
  locate: (row: number) => string,
): Tensor<'float32'> {
  const data = new Float32Array(rows.length * fields.length)
  let at = 0
  for (const [index, row] of rows.entries()) {
    for (const field of fields) {
      const value = row[field]
      if (typeof value !== 'number') throw wrongField(locate(index), field, 'a number', value)
      data[at++] = value
    }
  }
  return { type: 'float32', dims: [rows.length, fields.length], data }
}

function readArrays(rows: readonly Row[], field: string, locate: (row: number) => string): Tensor<'float32'> {
  const dims: number[] = []
  for (let value = rows[0]?.[field]; Array.isArray(value); value = value[0]) dims.push(value.length)
  const width = dims.reduce((product, dim) => product * dim, 1)
  const data = new Float32Array(rows.length * width)
  let at = 0
  const fill = (value: unknown, axis: number, place: string): void => {
    if (axis === dims.length) {
      if (typeof value !== 'number') throw wrongField(place, field, 'numbers', value)
      data[at++] = value
    } else if (Array.isArray(value) && value.length === dims[axis]) {
      for (const entry of value) fill(entry, axis + 1, place)
    } else {
      const found = Array.isArray(value) ? `${value.length} values` : JSON.stringify(value)
      throw new DataError(
        'field-type',
        `${place}, field '${field}': expected dims [${dims.join(', ')}] as in the first row, found ${found} at axis ${axis}.`,
      )
    }
  }
  for (const [index, row] of rows.entries()) fill(row[field], 0, locate(index))
  return { type: 'float32', dims: [rows.length, ...dims], data }
}

function wrongField(place: string, field: string, expected: string, found: unknown): DataError {
  const shown = found === undefined ? 'no such field' : JSON.stringify(found).slice(0, 40)
  return new DataError('field-type', `${place}, field '${field}': expected ${expected}, found ${shown}.`)
}
