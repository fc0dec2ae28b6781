import { oneOf } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { numberOf, type Table, wrongCell } from '../formats/index.ts'
import type { RawLabels } from '../names/index.ts'
import type { RawInputs } from '../parts.ts'
import { listAt, readNumbers, truth } from './table-cells.ts'
import type { LabelPlan } from './table-plan.ts'

/** The labels of a table's rows, by a plan for this table. */
export function readLabels(table: Table, plan: LabelPlan, inputs: RawInputs): RawLabels | Tensor<'float32'> {
  const { rows, locate } = table
  if (plan.form === 'numbers') return readNumbers(table, plan.columns)
  if (plan.form === 'flags') {
    const names = plan.columns.map((column) => itemAt(table.columns, column, 'column'))
    const values = Array.from({ length: rows }, (_, row) =>
      plan.columns.flatMap((column, index) =>
        flagAt(table, row, column) ? itemAt(names, index, 'column') : [],
      ),
    )
    return { kind: 'multi-label', values, locate, names }
  }
  const { column } = plan
  const names = table.classNames?.get(itemAt(table.columns, column, 'column'))
  const asked = plan.form === 'class' && plan.asked
  const read = (value: unknown, row: number) => labelOf(table, row, column, value, names, asked)
  const common = { locate, names }
  switch (plan.form) {
    case 'class': {
      const values = Array.from({ length: rows }, (_, row) => read(table.value(row, column), row))
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
          `one tag for each word, ${itemAt(words, uneven, 'text').length} in all`,
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
  const number = numberOf(value, table.dialect) ?? truth(value, table)
  if (number === 0 || number === 1) return number === 1
  throw wrongCell(table, row, column, '0 or 1', value)
}

function splitLabels(table: Table, row: number, column: number, separator: string): string[] {
  const value = table.value(row, column)
  if (typeof value !== 'string') throw wrongCell(table, row, column, `labels parted by '${separator}'`, value)
  return value.split(separator).flatMap((label) => label.trim() || [])
}

/** What writers put where a value is missing. */
const missingWords = new Set(['nan', 'na', 'n/a', '<na>', 'null', 'none'])

/** What became of single labels that people may not expect: whole numbers with a fraction of 0, and words for a missing value. */
export function labelNotes(table: Table, plan: LabelPlan, labels: readonly unknown[]): string[] {
  if (plan.form !== 'class' || !table.dialect.texts) return []
  const word = labels.find((label) => typeof label === 'string' && missingWords.has(label.toLowerCase()))
  const cut = labels.some((label, row) => {
    const cell = table.value(row, plan.column)
    return typeof cell === 'string' && cell.trim() !== label
  })
  return [
    ...(cut ? [`${table.file}: labels such as 1.0 are read as 1.`] : []),
    ...(word === undefined
      ? []
      : [
          `${table.file}: '${word}' among the labels is taken for the name of a class. If it stands for a missing label, take these rows out.`,
        ]),
  ]
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
    if (!table.dialect.texts || asked) return label
    // A whole number as pandas writes it in a column that has, or had, holes.
    const [, whole] = /^(-?\d+)\.0+$/.exec(label) ?? []
    if (whole !== undefined) return whole
    if (/^-?\d*\.\d+$/.test(label)) throw fraction(table, row, label)
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
    `${table.locate(row)}, column '${table.columns[column]}': label ${number} is not ${oneOf(names.length, 'class')} that the file names${number === -1 ? ' (-1 stands for rows without a label, as in the hidden test sets of benchmarks)' : ''}.`,
  )
}

function fraction(table: Table, row: number, label: string): DataError {
  return ambiguous(table, row, `${label} is not whole`, 'regression', 'to predict numbers')
}

function ambiguous(table: Table, row: number, problem: string, kind: string, purpose: string): DataError {
  return new DataError(
    'label-ambiguous',
    `${table.locate(row)}: label ${problem}. Say which it is (kind): ${kind} ${purpose}, classification if it is the name of a class.`,
  )
}
