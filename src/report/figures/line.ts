import { count } from '../../count.ts'
import { points } from '../../measure/points.ts'
import type { ResultGroup } from '../../measure/results.ts'
import { itemAt } from '../../required.ts'
import { figure } from './figure.ts'
import { methodTitle, shortNames } from './format.ts'
import { html, type Markup } from './markup.ts'
import { linear, spread } from './scale.ts'
import { thin, timeSeries, withoutBorders } from './series.ts'

const width = 340
const height = 216
const plot = { left: 30, right: 262, top: 22, bottom: 192 }
const labelGap = 12.5

/** So many lines can be told apart, by colour and by dashes; of longer streams an even choice is drawn. */
const mostLines = 8

/** Accuracy of each task over time for one method: a line a task, labelled at its end, task borders marked. */
export function lineFigure(group: ResultGroup, tasks: readonly string[]): Markup {
  const { unit, end, borders, series } = timeSeries(group, tasks.length)
  const x = linear(0, end, plot.left, plot.right)
  const y = linear(0, 1, plot.bottom, plot.top)
  const present = series.filter((line) => line.points.length > 0)
  const drawn = thin(present, mostLines)
  const short = shortNames(tasks, 9)
  const atOnce = borders.length === 1 && tasks.length > 1
  const untold = withoutBorders(group)
  const endOf = ({ points: own }: (typeof drawn)[number]) => itemAt(own, own.length - 1, 'point')
  const last = (line: (typeof drawn)[number]) => endOf(line).y
  const places = spread(
    drawn.map((line) => y(last(line))),
    labelGap,
    plot.top - 4,
    plot.bottom + 4,
  )
  const name = methodTitle(group.method)
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y(value)}" y2="${y(value)}"/>${
        value % 0.5 === 0
          ? html`<text class="tick" x="${plot.left - 5}" y="${y(value) + 4}" text-anchor="end">${100 * value}</text>`
          : undefined
      }`,
  )
  const showEvery = Math.ceil(borders.length / 10)
  const areas = borders.map((border, t) => {
    const from = t === 0 ? 0 : itemAt(borders, t - 1, 'task')
    const title = untold ? 'no borders are told' : atOnce ? 'all tasks at once' : String(t + 1)
    return html`${
      t % 2 === 1
        ? html`<rect class="band" x="${x(from)}" y="${plot.top}" width="${x(border) - x(from)}" height="${plot.bottom - plot.top}"/>`
        : undefined
    }<line class="border" x1="${x(border)}" x2="${x(border)}" y1="${plot.top - 4}" y2="${plot.bottom}"/>${
      t % showEvery === 0
        ? html`<text class="tick" x="${(x(from) + x(border)) / 2}" y="${plot.top - 8}" text-anchor="middle">${title}</text>`
        : undefined
    }`
  })
  const lines = drawn.map(
    (line, n) =>
      html`<polyline class="line c${n}" points="${line.points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ')}"/><circle class="dot c${n}" cx="${x(endOf(line).x)}" cy="${y(last(line))}" r="3"/>`,
  )
  const labels = drawn.map((line, n) => {
    const place = itemAt(places, n, 'line')
    return html`<polyline class="leader" points="${x(endOf(line).x) + 4},${y(last(line))} ${plot.right + 14},${place}"/><text class="label t${n}" x="${plot.right + 17}" y="${place + 4}">${itemAt(short, line.task, 'task')}<tspan class="value" dx="5">${points(last(line), 0)}</tspan></text>`
  })
  const summary = drawn.map((line) => `${tasks[line.task]} ${points(last(line), 0)}`).join(', ')
  const svg = html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`Accuracy of each task over time with ${name}. At the end, in per cent: ${summary}.`}">${areas}${grid}${lines}${labels}<text class="tick" x="${(plot.left + plot.right) / 2}" y="${height - 6}" text-anchor="middle">${unit === 'steps' ? `${end.toLocaleString('en-US')} steps` : atOnce ? 'before and after training' : `${count(end, 'task')}`}${atOnce ? '' : ' · above: the task being learned'}</text></svg>`
  const shownAt = thin(
    [...new Set(series.flatMap((line) => line.points.map((point) => point.x)))].sort((a, b) => a - b),
    25,
  )
  const rows = shownAt.map((place) => [
    String(place),
    ...series.map((line) => {
      const point = line.points.find((candidate) => candidate.x === place)
      return point === undefined ? '' : points(point.y)
    }),
  ])
  return figure({
    title: name,
    ...(drawn.length < present.length
      ? { caption: `${drawn.length} of ${present.length} tasks drawn; all are in the numbers below.` }
      : {}),
    plot: svg,
    table: {
      caption: `${name}: accuracy in % on each task by ${unit === 'steps' ? 'step' : 'number of tasks learned'}`,
      head: [unit === 'steps' ? 'Step' : 'Tasks learned', ...tasks],
      rows,
    },
  })
}
