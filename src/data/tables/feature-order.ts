import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { findColumns, type Table, type TableOptions } from '../formats/index.ts'

/** Names shown in a sentence. */
const shown = (names: readonly string[]): string =>
  names.length <= 16 ? names.join(', ') : `${names.slice(0, 12).join(', ')}, … ${names.slice(-2).join(', ')}`

/**
 * Brings columns of numbers into the order in which the model reads them: the one that was stated for it; else, where the order of the file has no meaning
 * (JSON) and the names differ in a number alone (`f1` … `f12`), the order of those numbers; else that of the file.
 *
 * @throws DataError `column-missing` or `field-missing` for a column that the model reads and the table lacks.
 */
export function inFeatureOrder(
  table: Table,
  columns: readonly number[],
  { featureOrder, onNote }: TableOptions,
): readonly number[] {
  const names = columns.map((column) => itemAt(table.columns, column, 'column'))
  if (featureOrder) {
    const ordered = findColumns(table, featureOrder)
    const read = new Set(featureOrder)
    const passed = names.filter((name) => !read.has(name))
    if (passed.length > 0) {
      onNote?.(
        `${table.file}: ${shown(passed)} ${passed.length === 1 ? 'is' : 'are'} not among what the model reads, and left out.`,
      )
    }
    return ordered
  }
  const natural = byNumber(names)
  const differs = natural?.some((place, at) => place !== at) ?? false
  if (!table.dialect.passOver) {
    if (differs) {
      onNote?.(
        `${table.file}: columns are read in the order of the file, ${shown(names)}, which is not that of their numbers. If the model wants another, name them in its order (featureColumns).`,
      )
    }
    return columns
  }
  const order = natural ?? columns.map((_, at) => at)
  const ordered = order.map((at) => itemAt(columns, at, 'column'))
  const why = differs ? 'by the numbers in their names' : 'as in the first row'
  onNote?.(
    `${table.file}: the model reads the ${columns.length} fields in this order, ${why}: ${shown(order.map((at) => itemAt(names, at, 'column')))}. If it wants another, name them in its order (featureColumns).`,
  )
  return ordered
}

/** Places of names that differ in one number alone, by that number; undefined where they do not. */
function byNumber(names: readonly string[]): number[] | undefined {
  const parts = names.map((name) => /^(.*?)(\d+)(\D*)$/s.exec(name))
  const [first] = parts
  if (names.length < 2 || !first) return undefined
  const numbers = parts.map((part) =>
    part && part[1] === first[1] && part[3] === first[3] ? Number(part[2]) : Number.NaN,
  )
  if (numbers.some(Number.isNaN) || new Set(numbers).size < numbers.length) return undefined
  return names.map((_, at) => at).sort((a, b) => itemAt(numbers, a, 'column') - itemAt(numbers, b, 'column'))
}

/** @throws DataError `data-dims` where the model reads another number of columns. */
export function checkWidth(table: Table, columns: readonly number[], width: number | undefined): void {
  if (width === undefined || columns.length === width) return
  const names = columns.map((column) => itemAt(table.columns, column, 'column'))
  throw new DataError(
    'data-dims',
    `${table.file}: the model reads ${count(width, 'number')} a row, but the file has ${columns.length}: ${shown(names)}. Name those to learn from, in the model's order (featureColumns).`,
  )
}
