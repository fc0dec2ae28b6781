import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { columnsShown, isList, numberOf, type Table, type TableOptions, wrongCell } from '../formats/index.ts'
import type { ImageReference, RawInputs, RawPart } from '../parts.ts'
import { inFloat32, listAt, readNumbers } from './table-cells.ts'
import { labelNotes, readLabels } from './table-labels.ts'
import type { InputPlan, LabelPlan, TablePlan } from './table-plan.ts'

/**
 * The rows of a table, by a plan.
 *
 * @throws DataError `column-missing` (`field-missing`) when this table lacks the plan's columns; `cell-not-a-number` (in CSV) or
 * `field-type`, `label-missing` and `label-ambiguous` with the row.
 */
export function readRows(table: Table, plan: TablePlan, onNote?: TableOptions['onNote']): RawPart {
  const inputs = readInputs(table, moved(table, plan, plan.inputs))
  const labels = readLabels(table, moved(table, plan, plan.labels), inputs)
  if (onNote && 'kind' in labels && labels.kind === 'classification') {
    for (const note of labelNotes(table, moved(table, plan, plan.labels), labels.values)) onNote(note)
  }
  const { inputs: from } = plan
  return {
    inputs,
    labels,
    ...(from.form === 'numbers' && {
      columns: from.columns.map((column) => itemAt(plan.columns, column, 'column')),
    }),
  }
}

/** A plan's columns where this table has them: files of one data set may differ in their order. */
function moved<T extends InputPlan | LabelPlan>(table: Table, plan: TablePlan, part: T): T {
  if (table.columns === plan.columns) return part
  const places = new Map(table.columns.map((name, column) => [name, column]))
  const place = (column: number): number => {
    const name = itemAt(plan.columns, column, 'column')
    const found = places.get(name)
    if (found !== undefined) return found
    throw new DataError(
      table.dialect.missingCode,
      `${table.file}: there is no ${table.dialect.noun} '${name}', which the part before it has; there are ${columnsShown(table)}.`,
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

function imageAt(table: Table, row: number, column: number): ImageReference {
  const value = table.value(row, column)
  const place = table.locate(row)
  if (typeof value === 'string' && value !== '') return { place, file: value }
  // Images that are called by a number: 7 for 7.png.
  if (typeof value === 'number' || typeof value === 'bigint') return { place, file: String(value) }
  if (value instanceof Uint8Array) return { place, bytes: value }
  if (typeof value === 'object' && value !== null) {
    if ('bytes' in value && value.bytes instanceof Uint8Array) return { place, bytes: value.bytes }
    if ('path' in value && typeof value.path === 'string') return { place, file: value.path }
  }
  throw wrongCell(table, row, column, 'an image ({bytes, path}) or the name of its file', value)
}

function readArrays(table: Table, column: number, dims: readonly number[]): Tensor<'float32'> {
  const width = dims.reduce((product, dim) => product * dim, 1)
  const data = new Float32Array(table.rows * width)
  let at = 0
  const fill = (value: unknown, axis: number, row: number): void => {
    if (axis === dims.length) {
      const number = numberOf(value, table.dialect)
      if (number === undefined) throw wrongCell(table, row, column, 'numbers', value)
      data[at++] = inFloat32(number, table, row, column)
    } else if (isList(value) && value.length === dims[axis]) {
      for (let index = 0; index < value.length; index++) fill(value[index], axis + 1, row)
    } else {
      const found = isList(value) ? count(value.length, 'value') : `${String(value).slice(0, 40)}`
      throw new DataError(
        table.dialect.typeCode,
        `${table.locate(row)}, ${table.dialect.noun} '${table.columns[column]}': expected dims [${dims.join(', ')}] as in the first row, found ${found} at axis ${axis}.`,
      )
    }
  }
  for (let row = 0; row < table.rows; row++) fill(table.value(row, column), 0, row)
  return { type: 'float32', dims: [table.rows, ...dims], data }
}
