import { largest } from '../extent.ts'
import { type TableData, visible } from './figures/index.ts'

/** A table for the terminal: columns of equal width, the first and the last to the left, the others to the right. */
export function textTable({ head, rows }: Pick<TableData, 'head' | 'rows'>): string[] {
  const lines = [head, ...rows].map((line) => line.map((cell) => visible(cell.replace(/[\t\n]+/g, ' '))))
  const widths = head.map((_, column) => largest(lines.map((line) => (line[column] ?? '').length)))
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 || column === line.length - 1
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}
