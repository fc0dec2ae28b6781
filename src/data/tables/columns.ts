import { DataError } from '../../errors.ts'
import { numberOf, type Table, type TableOptions } from '../formats/index.ts'

/** What pandas calls the column of an index, as it writes it to CSV and to Parquet. */
const indexName = /^(Unnamed: \d+(_level_\d+)?|__index_level_\d+__|level_\d+)$/
/** Names of columns that say which row it is. */
const rowName = /^(id|ids|uuid|index|idx|row|row[_ ]?(id|nr|no|num|number|names?)|nr|no|#|[a-z]+[_ ]?id)$/i

/**
 * The columns that may hold inputs: all but those that are taken, that merely count rows, and that are empty. What is left out is said.
 *
 * Left out are `idColumn`; the index columns of pandas; a column without a name (as pandas and R write an index) that holds whole numbers or nothing at all;
 * and a column called id, index or the like that counts the rows one by one.
 *
 * @throws DataError `csv-header` for a column that has no name, and holds what may be inputs.
 */
export function inputColumns(
  table: Table,
  taken: ReadonlySet<number>,
  options: TableOptions,
): readonly number[] {
  const counters: string[] = []
  const empties: number[] = []
  const free = table.columns.flatMap((name, column) => {
    if (taken.has(column) || name === options.idColumn) return []
    if (indexName.test(name) || (rowName.test(name) && countsRows(table, column))) counters.push(name)
    else if (name !== '') return [column]
    else if (isEmpty(table, column)) empties.push(column)
    else if (holdsWhole(table, column)) counters.push(`${column + 1} (without a name)`)
    else return [column]
    return []
  })
  const { noun } = table.dialect
  if (counters.length > 0) {
    options.onNote?.(
      `${table.file}: ${noun} ${counters.join(', ')} counts the rows, and is left out. If it is to be learned from, name all ${noun}s to use (featureColumns).`,
    )
  }
  if (empties.length > 0) {
    options.onNote?.(
      `${table.file}: ${noun} ${empties.map((column) => column + 1).join(', ')} has no name and holds nothing, and is left out.`,
    )
  }
  return free
}

/** Of more columns than the model reads, those that are not names of rows, where that makes the number right. */
export function withoutRowNames(table: Table, columns: readonly number[], width: number): readonly number[] {
  const kept = columns.filter((column) => !rowName.test(table.columns[column] ?? ''))
  return kept.length === width ? kept : columns
}

/** @throws DataError `csv-header` */
export function checkNamed(table: Table, columns: readonly number[]): void {
  const nameless = columns.find((column) => table.columns[column] === '')
  if (nameless === undefined) return
  throw new DataError(
    'csv-header',
    `${table.file}: column ${nameless + 1} has no name in the header. Give it one, or name those to learn from (featureColumns).`,
  )
}

/** Whether a column goes up by one from row to row: of fewer than three rows that says nothing. */
function countsRows(table: Table, column: number): boolean {
  if (table.rows < 3) return false
  const first = numberOf(table.value(0, column), table.dialect)
  if (first === undefined || !Number.isInteger(first)) return false
  for (let row = 1; row < table.rows; row++) {
    if (numberOf(table.value(row, column), table.dialect) !== first + row) return false
  }
  return true
}

function holdsWhole(table: Table, column: number): boolean {
  for (let row = 0; row < table.rows; row++) {
    if (!Number.isInteger(numberOf(table.value(row, column), table.dialect))) return false
  }
  return true
}

function isEmpty(table: Table, column: number): boolean {
  for (let row = 0; row < table.rows; row++) {
    const value = table.value(row, column)
    if (value !== undefined && value !== null && String(value).trim() !== '') return false
  }
  return true
}
