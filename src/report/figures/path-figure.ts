import { points } from '../../measure/points.ts'
import { itemAt } from '../../required.ts'
import { figure } from './figure.ts'
import { html, type Markup } from './markup.ts'
import { linear, spread } from './scale.ts'
import { styleSheet } from './theme.ts'

/** Accuracy along the path between two sets of weights. */
export interface PathPlot {
  readonly title: string
  readonly caption?: string
  /** Ascending in alpha; null where nothing was measured. */
  readonly points: readonly {
    readonly alpha: number
    readonly old: number | null
    readonly new: number | null
  }[]
  /** The least old accuracy that the budget allows. */
  readonly floor?: number
  /** The point that was chosen. */
  readonly chosen?: number | undefined
  /** What alpha 0 and 1 are. Default 'old model' and 'trained'. */
  readonly ends?: readonly [string, string]
}

const width = 340
const height = 216
const plot = { left: 34, right: 266, top: 14, bottom: 178 }

/** Old and new accuracy by alpha, with the budget's floor and the chosen point; the numbers in a table. */
export const pathFigure = (data: PathPlot): Markup =>
  figure({
    title: data.title,
    ...(data.caption === undefined ? {} : { caption: data.caption }),
    plot: drawing(data),
    table: {
      caption: `${data.title}: accuracy in % by the share of the way`,
      head: ['alpha', 'old %', 'new %'],
      rows: data.points.map((point) => [String(point.alpha), cell(point.old), cell(point.new)]),
    },
  })

const cell = (value: number | null): string => (value === null ? '' : points(value, 2))

/** The plot alone, as a file that stands for itself. */
export const pathSvg = (data: PathPlot): string => {
  const { markup } = drawing(data)
  const named = markup.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')
  return `${named.replace('>', `><style>${styleSheet}</style>`)}\n`
}

function drawing({ title, points: found, floor, chosen, ends }: PathPlot): Markup {
  const values = found.flatMap((point) => [point.old, point.new]).filter((value) => value !== null)
  // In fifths, so that the four steps up to 100 % are whole numbers.
  const low = Math.floor(5 * Math.min(0.8, floor ?? 1, ...values)) / 5
  const x = linear(0, 1, plot.left, plot.right)
  const y = linear(low, 1, plot.bottom, plot.top)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (1 - low))
  const grid = ticks.map((value) => {
    return html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y(value)}" y2="${y(value)}"/><text class="tick" x="${plot.left - 5}" y="${y(value) + 4}" text-anchor="end">${points(value, 0)}</text>`
  })
  const series = (['old', 'new'] as const).flatMap((name, n) => {
    const line = found.flatMap((point) => {
      const value = point[name]
      return value === null ? [] : [{ alpha: point.alpha, value }]
    })
    return line.length === 0 ? [] : [{ name, n, line, last: itemAt(line, line.length - 1, 'point').value }]
  })
  const places = spread(
    series.map(({ last }) => y(last)),
    13,
    plot.top,
    plot.bottom,
  )
  const lines = series.map(
    ({ n, line }) =>
      html`<polyline class="line c${n}" points="${line.map(({ alpha, value }) => `${x(alpha)},${y(value)}`).join(' ')}"/>${line.map(({ alpha, value }) => html`<circle class="dot c${n}" cx="${x(alpha)}" cy="${y(value)}" r="2.5"/>`)}`,
  )
  const labels = series.map(
    ({ name, n, last }, at) =>
      html`<text class="label t${n}" x="${plot.right + 8}" y="${itemAt(places, at, 'line') + 4}">${name}<tspan class="value" dx="5">${points(last)}</tspan></text>`,
  )
  const budget =
    floor === undefined
      ? undefined
      : html`<line class="border" x1="${plot.left}" x2="${plot.right}" y1="${y(floor)}" y2="${y(floor)}"/><text class="tick" x="${plot.left + 4}" y="${y(floor) + 12}">budget</text>`
  const mark =
    chosen === undefined
      ? undefined
      : html`<line class="border" x1="${x(chosen)}" x2="${x(chosen)}" y1="${plot.top}" y2="${plot.bottom}"/><text class="tick" x="${x(chosen)}" y="${plot.top - 4}" text-anchor="middle">chosen</text>`
  const [from, to] = ends ?? ['old model', 'trained']
  const summary = series.map(
    ({ name, line, last }) =>
      `${name} from ${points(itemAt(line, 0, 'point').value)} to ${points(last)} per cent`,
  )
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${title}: accuracy along the path between the weights, ${summary.join(', ')}.`}">${grid}${budget}${mark}${lines}${labels}<text class="tick" x="${plot.left}" y="${plot.bottom + 16}">0: ${from}</text><text class="tick" x="${plot.right}" y="${plot.bottom + 16}" text-anchor="end">1: ${to}</text><text class="tick" x="${(plot.left + plot.right) / 2}" y="${height - 6}" text-anchor="middle">alpha, the share of the way</text></svg>`
}
