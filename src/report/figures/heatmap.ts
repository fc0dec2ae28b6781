import { count } from '../../count.ts'
import { points } from '../../measure/points.ts'
import type { ResultGroup } from '../../measure/results.ts'
import { itemAt } from '../../required.ts'
import { figure } from './figure.ts'
import { methodTitle, shortNames } from './format.ts'
import { html, type Markup } from './markup.ts'
import { meanMatrix, rowNames } from './series.ts'

/**
 * How strong a cell's ink is and which text can be read on it. The ink is the theme's own, so that "more ink is more
 * accurate" holds in light and dark; the thresholds are where black and white text read equally well.
 */
export const cellShade = (
  value: number,
): { readonly opacity: number; readonly text: 'faint' | 'middle' | 'full' } => {
  const opacity = Math.round(100 * (0.03 + 0.97 * value)) / 100
  return { opacity, text: opacity < 0.6 ? 'faint' : opacity < 0.71 ? 'middle' : 'full' }
}

/** The accuracy matrix of one method as a heat map: a row for each task learned, a column for each task tested. */
export function heatmapFigure(group: ResultGroup, tasks: readonly string[]): Markup {
  const matrix = meanMatrix(group.runs)
  const name = methodTitle(group.method)
  const columns = tasks.length
  const atOnce = matrix.length === 1 && columns > 1
  const wide = columns > 10
  const left = 70
  const top = 34
  const cellWidth = wide ? 30 : 268 / columns
  const cellHeight = Math.min(34, wide ? 26 : cellWidth)
  const width = left + columns * cellWidth + 2
  const height = top + matrix.length * cellHeight + 2
  const columnShort = shortNames(tasks, Math.max(3, Math.floor(cellWidth / 6)))
  const after = rowNames(group, matrix.length, tasks)
  const afterShort = shortNames(after, 10)
  const cells = matrix.map((row, t) =>
    row.map((value, i) => {
      if (value === null) return undefined
      const x = (left + i * cellWidth).toFixed(1)
      const y = (top + t * cellHeight).toFixed(1)
      const { opacity, text } = cellShade(value)
      const centre = `x="${(left + (i + 0.5) * cellWidth).toFixed(1)}" y="${(top + (t + 0.5) * cellHeight + 4).toFixed(1)}"`
      return html`<rect class="cell${t === i && !atOnce ? ' now' : ''}" x="${x}" y="${y}" width="${(cellWidth - 2).toFixed(1)}" height="${(cellHeight - 2).toFixed(1)}" rx="3" fill-opacity="${opacity}"/><text class="on-${text}${i > t && !atOnce ? ' future' : ''}" ${{ markup: centre }} text-anchor="middle">${points(value, 0)}</text>`
    }),
  )
  const columnNames = tasks.map(
    (_, i) =>
      html`<text class="tick" x="${(left + (i + 0.5) * cellWidth).toFixed(1)}" y="${top - 6}" text-anchor="middle">${itemAt(columnShort, i, 'task')}</text>`,
  )
  const rowTicks = matrix.map(
    (_, t) =>
      html`<text class="tick" x="${left - 6}" y="${(top + (t + 0.5) * cellHeight + 4).toFixed(1)}" text-anchor="end">${itemAt(afterShort, t, 'row')}</text>`,
  )
  const end = (matrix.at(-1) ?? []).map(
    (value, i) => `${tasks[i]} ${value === null ? '–' : points(value, 0)}`,
  )
  const label = `Accuracy matrix of ${name}, ${count(matrix.length, 'row')} by ${count(columns, 'column')}. Last row, in per cent: ${end.join(', ')}.`
  const svg = html`<svg viewBox="0 0 ${width.toFixed(0)} ${height.toFixed(0)}" role="img" aria-label="${label}"${
    wide ? html` style="min-width:${width.toFixed(0)}px;max-width:${(1.2 * width).toFixed(0)}px"` : undefined
  }><text class="tick" x="${left - 6}" y="12" text-anchor="end">learned ↓</text><text class="tick" x="${left}" y="12">tested on →</text>${columnNames}${rowTicks}${cells}</svg>`
  return figure({
    title: name,
    plot: html`<div class="scroll">${svg}</div>`,
    wide,
    table: {
      caption: `${name}: accuracy in % on each task (columns) after learning each task (rows)`,
      head: ['After', ...tasks],
      rows: matrix.map((row, t) => [
        itemAt(after, t, 'row'),
        ...row.map((value) => (value === null ? '' : points(value))),
      ]),
    },
  })
}
