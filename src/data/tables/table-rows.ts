import { DataError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { isList, numberOf, type Table, wrongCell } from '../formats/index.ts'
import type { RawLabels } from '../names/index.ts'
import type { ImageReference, RawInputs, RawPart } from '../parts.ts'
import type { InputPlan, LabelPlan, TablePlan } from './table-plan.ts'

/**
 * The rows of a table, by a plan.
 *
 * @throws DataError `column-missing` (`field-missing`) when this table lacks the plan's columns; `cell-not-a-number` (in CSV) or
 * `field-type`, `label-missing` and `label-ambiguous` with the row.
 */
export function readRows(table: Table, plan: TablePlan): RawPart {
  const inputs = readInputs(table, moved(table, plan, plan.inputs))
  return { inputs, labels: readLabels(table, moved(table, plan, plan.labels), inputs) }
}

/** A plan's columns where this table has them: files of one data set may differ in their order. */
function moved<T extends InputPlan | LabelPlan>(table: Table, plan: TablePlan, part: T): T {
  const place = (column: number): number => {
    const name = plan.columns[column] ?? ''
    const found = table.columns.indexOf(name)
    if (found >= 0) return found
    throw new DataError(
      table.dialect.missingCode,
      `${table.file}: there is no ${table.dialect.noun} '${name}', which the part before it has; there are ${table.columns.join(', ')}.`,
    )
  }
  return 'column' in part
    ? { ...part, column: place(part.column) }
    : { ...part, columns: part.columns.map(place) }
}

function readInputs(table: Table, plan: InputPlan): RawInputs {
  switch (plan.form) {
    case 'text': {
      const data = Array.from({ length: table.rows }, (_, row) => textAt(table, row, plan.column))
      return { type: 'string', dims: [table.rows], data }
    }
    case 'words':
      return {
        words: Array.from({ length: table.rows }, (_, row) =>
          Array.from(listAt(table, row, plan.column, 'a list of words'), (word) => {
            if (typeof word === 'string') return word
            throw wrongCell(table, row, plan.column, 'a list of words', table.value(row, plan.column))
          }),
        ),
      }
    case 'image':
      return { images: Array.from({ length: table.rows }, (_, row) => imageAt(table, row, plan.column)) }
    case 'array':
      return readArrays(table, plan.column, plan.dims)
    case 'numbers':
      return readNumbers(table, plan.columns)
  }
}

function textAt(table: Table, row: number, column: number): string {
  const value = table.value(row, column)
  if (typeof value === 'string') return value
  throw wrongCell(table, row, column, 'a text', value)
}

function listAt(table: Table, row: number, column: number, expected: string): ArrayLike<unknown> {
  const value = table.value(row, column)
  if (isList(value)) return value
  throw wrongCell(table, row, column, expected, value)
}

function imageAt(table: Table, row: number, column: number): ImageReference {
  const value = table.value(row, column)
  const place = table.locate(row)
  if (typeof value === 'string' && value !== '') return { place, file: value }
  if (value instanceof Uint8Array) return { place, bytes: value }
  if (typeof value === 'object' && value !== null) {
    if ('bytes' in value && value.bytes instanceof Uint8Array) return { place, bytes: value.bytes }
    if ('path' in value && typeof value.path === 'string') return { place, file: value.path }
  }
  throw wrongCell(table, row, column, 'an image ({bytes, path}) or the name of its file', value)
}

function readNumbers(table: Table, columns: readonly number[]): Tensor<'float32'> {
  const data = new Float32Array(table.rows * columns.length)
  let at = 0
  for (let row = 0; row < table.rows; row++) {
    for (const column of columns) {
      const value = table.value(row, column)
      const number = numberOf(value, table.dialect)
      if (number === undefined) throw wrongCell(table, row, column, 'a number', value)
      data[at++] = number
    }
  }
  return { type: 'float32', dims: [table.rows, columns.length], data }
}

function readArrays(table: Table, column: number, dims: readonly number[]): Tensor<'float32'> {
  const width = dims.reduce((product, dim) => product * dim, 1)
  const data = new Float32Array(table.rows * width)
  let at = 0
  const fill = (value: unknown, axis: number, row: number): void => {
    if (axis === dims.length) {
      const number = numberOf(value, table.dialect)
      if (number === undefined) throw wrongCell(table, row, column, 'numbers', value)
      data[at++] = number
    } else if (isList(value) && value.length === dims[axis]) {
      for (let index = 0; index < value.length; index++) fill(value[index], axis + 1, row)
    } else {
      const found = isList(value) ? `${value.length} values` : JSON.stringify(value)
      throw new DataError(
        table.dialect.typeCode,
        `${table.locate(row)}, ${table.dialect.noun} '${table.columns[column]}': expected dims [${dims.join(', ')}] as in the first row, found ${found} at axis ${axis}.`,
      )
    }
  }
  for (let row = 0; row < table.rows; row++) fill(table.value(row, column), 0, row)
  return { type: 'float32', dims: [table.rows, ...dims], data }
}

function readLabels(table: Table, plan: LabelPlan, inputs: RawInputs): RawLabels | Tensor<'float32'> {
  const { rows, locate } = table
  if (plan.form === 'numbers') return readNumbers(table, plan.columns)
  if (plan.form === 'flags') {
    const names = plan.columns.map((column) => table.columns[column] ?? '')
    const values = Array.from({ length: rows }, (_, row) =>
      plan.columns.flatMap((column, index) => (flagAt(table, row, column) ? (names[index] ?? []) : [])),
    )
    return { kind: 'multi-label', values, locate, names }
  }
  const { column } = plan
  const names = table.classNames?.get(table.columns[column] ?? '')
  const asked = plan.form === 'class' && plan.asked
  const read = (value: unknown, row: number) => labelOf(table, row, column, value, names, asked)
  const common = { locate, names }
  switch (plan.form) {
    case 'class': {
      const values = Array.from({ length: rows }, (_, row) => {
        const label = read(table.value(row, column), row)
        if (typeof label === 'string' && label.includes(';') && !asked) {
          throw ambiguous(table, row, `'${label}' holds a ';'`, 'multi-label', 'for several classes a row')
        }
        return label
      })
      return { kind: 'classification', values, ...common }
    }
    case 'list': {
      const values = Array.from({ length: rows }, (_, row) =>
        Array.from(listAt(table, row, column, 'a list of labels'), (label) => read(label, row)),
      )
      return { kind: 'multi-label', values, ...common }
    }
    case 'parted': {
      const values = Array.from({ length: rows }, (_, row) => splitLabels(table, row, column, plan.separator))
      return { kind: 'multi-label', values, ...common }
    }
    case 'tags': {
      const values = Array.from({ length: rows }, (_, row) =>
        Array.from(listAt(table, row, column, 'a list of tags, one a word'), (tag) => read(tag, row)),
      )
      const words = 'words' in inputs ? inputs.words : []
      const uneven = values.findIndex((tags, row) => tags.length !== words[row]?.length)
      if (uneven >= 0) {
        throw wrongCell(
          table,
          uneven,
          column,
          `one tag for each of the ${words[uneven]?.length} words`,
          table.value(uneven, column),
        )
      }
      return { kind: 'token-classification', values, ...common }
    }
  }
}

function flagAt(table: Table, row: number, column: number): boolean {
  const value = table.value(row, column)
  if (typeof value === 'boolean') return value
  const number = numberOf(value, table.dialect)
  if (number === 0 || number === 1) return number === 1
  throw wrongCell(table, row, column, '0 or 1', value)
}

function splitLabels(table: Table, row: number, column: number, separator: string): string[] {
  const value = table.value(row, column)
  if (typeof value !== 'string') throw wrongCell(table, row, column, `labels parted by '${separator}'`, value)
  return value.split(separator).flatMap((label) => label.trim() || [])
}

/** One label as a text or number; an index becomes its class's name where the file gives the names. */
function labelOf(
  table: Table,
  row: number,
  column: number,
  value: unknown,
  names: readonly string[] | undefined,
  asked: boolean,
): string | number {
  const expected = 'a text or number as label'
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'string') {
    const label = value.trim()
    if (table.dialect.texts && !asked && /^-?\d*\.\d+$/.test(label)) throw fraction(table, row, label)
    return label
  }
  const number = numberOf(value, table.dialect)
  if (number === undefined) throw wrongCell(table, row, column, expected, value)
  if (!Number.isInteger(number) && !asked) throw fraction(table, row, String(number))
  if (names === undefined) return number
  const name = names[number]
  if (name !== undefined) return name
  throw new DataError(
    'label-missing',
    `${table.locate(row)}, column '${table.columns[column]}': label ${number} is not one of the ${names.length} classes that the file names${number === -1 ? ' (-1 stands for rows without a label, as in the hidden test sets of benchmarks)' : ''}.`,
  )
}

function fraction(table: Table, row: number, label: string): DataError {
  return ambiguous(table, row, `${label} is not whole`, 'regression', 'to predict numbers')
}

function ambiguous(table: Table, row: number, problem: string, kind: string, purpose: string): DataError {
  return new DataError(
    'label-ambiguous',
    `${table.locate(row)}: label ${problem}. Say kind: '${kind}' ${purpose}; kind: 'classification' if it is the name of a class.`,
  )
}
