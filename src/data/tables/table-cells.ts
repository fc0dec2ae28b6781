import { DataError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { isList, numberOf, type Table, wrongCell } from '../formats/index.ts'

export function listAt(table: Table, row: number, column: number, expected: string): ArrayLike<unknown> {
  const value = table.value(row, column)
  if (isList(value)) return value
  throw wrongCell(table, row, column, expected, value)
}

export function readNumbers(table: Table, columns: readonly number[]): Tensor<'float32'> {
  const data = new Float32Array(table.rows * columns.length)
  let at = 0
  for (let row = 0; row < table.rows; row++) {
    for (const column of columns) {
      const value = table.value(row, column)
      const number = numberOf(value, table.dialect) ?? truth(value, table)
      if (number === undefined) throw wrongCell(table, row, column, 'a number', value)
      data[at++] = inFloat32(number, table, row, column)
    }
  }
  return { type: 'float32', dims: [table.rows, columns.length], data }
}

/**
 * A cell's number, where float32 holds one of its size.
 *
 * @throws DataError `number-too-large`.
 */
export function inFloat32(number: number, table: Table, row: number, column: number): number {
  if (Number.isFinite(Math.fround(number))) return number
  const { noun } = table.dialect
  throw new DataError(
    'number-too-large',
    `${table.locate(row)}, ${noun} '${table.columns[column]}': ${String(table.value(row, column)).slice(0, 60)} is larger than a float32 holds (some 3.4e38). Correct the number, or take the row out.`,
  )
}

/** True and false, as tables write columns of flags: pandas' get_dummies for example. */
export function truth(value: unknown, { dialect }: Table): number | undefined {
  if (typeof value === 'boolean') return Number(value)
  if (!dialect.texts || typeof value !== 'string') return undefined
  const word = value.trim().toLowerCase()
  return word === 'true' ? 1 : word === 'false' ? 0 : undefined
}
