import { itemAt } from '../../required.ts'
import { figure } from './figure.ts'
import { html, type Markup } from './markup.ts'
import { accuracyMeasure, type PathMeasure } from './path-measures.ts'
import { linear, spread } from './scale.ts'
import { styleSheet } from './theme.ts'

/** Two figures along the path between two sets of weights. */
export interface PathPlot {
  readonly title: string
  readonly caption?: string
  /** Ascending in alpha; null where nothing was measured. */
  readonly points: readonly {
    readonly alpha: number
    readonly old: number | null
    readonly new: number | null
  }[]
  /** What is drawn. Default accuracy, as fractions. */
  readonly measure?: PathMeasure
  /** What the old figure is known to lie between, at each point that has bounds. */
  readonly band?: readonly { readonly alpha: number; readonly lower: number; readonly upper: number }[]
  /** The old figure at which the budget is used up. */
  readonly limit?: number | undefined
  /** The point that was chosen. */
  readonly chosen?: number | undefined
  /** What alpha 0 and 1 are. Default 'old model' and 'trained'. */
  readonly ends?: readonly [string, string]
}

const width = 340
const height = 216
const plot = { left: 34, right: 266, top: 14, bottom: 178 }

/** Old and new by alpha, with the bounds of the old, the budget and the chosen point; the numbers in a table. */
export function pathFigure(data: PathPlot): Markup {
  const { title, unit, exact } = data.measure ?? accuracyMeasure
  const cell = (value: number | null): string => (value === null ? '' : exact(value))
  const bounds = new Map(
    data.band?.map(({ alpha, lower, upper }) => [alpha, `${exact(lower)} to ${exact(upper)}`]),
  )
  const bounded = bounds.size > 0
  const [old, fresh] = (['old', 'new'] as const).map((name) =>
    data.points.some((point) => point[name] !== null),
  )
  return figure({
    title: data.title,
    ...(data.caption === undefined ? {} : { caption: data.caption }),
    plot: svgOf([data]),
    table: {
      caption: `${data.title}: ${title} by the share of the way`,
      head: [
        ...['alpha', ...(old ? [`old ${unit}`] : [])],
        ...(bounded ? ['bounds'] : []),
        ...(fresh ? [`new ${unit}`] : []),
      ],
      rows: data.points.map((point) => [
        ...[String(Number(point.alpha.toPrecision(6))), ...(old ? [cell(point.old)] : [])],
        ...(bounded ? [bounds.get(point.alpha) ?? ''] : []),
        ...(fresh ? [cell(point.new)] : []),
      ]),
    },
  })
}

/** The plots alone, side by side, as a file that stands for itself. */
export const pathSvg = (...plots: readonly PathPlot[]): string => {
  const { markup } = svgOf(plots)
  const named = markup.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')
  return `${named.replace('>', `><style>${styleSheet}</style>`)}\n`
}

function svgOf(plots: readonly PathPlot[]): Markup {
  const drawn = plots.map(drawing)
  const parts = drawn.map(({ content }, at) =>
    at === 0 ? content : html`<g transform="translate(${at * width} 0)">${content}</g>`,
  )
  return html`<svg viewBox="0 0 ${plots.length * width} ${height}" role="img" aria-label="${drawn.map(({ label }) => label).join(' ')}">${parts}</svg>`
}

/** What is drawn, and what it says to those who do not see it. */
function drawing({
  title,
  points: found,
  measure = accuracyMeasure,
  band = [],
  limit,
  chosen,
  ends,
}: PathPlot): { readonly content: Markup; readonly label: string } {
  const values = found.flatMap((point) => [point.old, point.new]).filter((value) => value !== null)
  const bounds = band.flatMap(({ lower, upper }) => [lower, upper])
  const ticks = measure.ticks([...values, ...bounds, ...(limit === undefined ? [] : [limit])])
  const [low, high] = [itemAt(ticks, 0, 'tick'), itemAt(ticks, ticks.length - 1, 'tick')]
  const x = linear(0, 1, plot.left, plot.right)
  const y = linear(low, high, plot.bottom, plot.top)
  const grid = ticks.map((value) => {
    return html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y(value)}" y2="${y(value)}"/><text class="tick" x="${plot.left - 5}" y="${y(value) + 4}" text-anchor="end">${measure.tick(value)}</text>`
  })
  const around =
    band.length < 2
      ? undefined
      : html`<polygon class="band around" points="${[
          ...band.map(({ alpha, upper }) => `${x(alpha)},${y(upper)}`),
          ...band.map(({ alpha, lower }) => `${x(alpha)},${y(lower)}`).reverse(),
        ].join(' ')}"/>`
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
      html`<text class="label t${n}" x="${plot.right + 8}" y="${itemAt(places, at, 'line') + 4}">${name}<tspan class="value" dx="5">${measure.short(last)}</tspan></text>`,
  )
  const budget =
    limit === undefined
      ? undefined
      : html`<line class="border" x1="${plot.left}" x2="${plot.right}" y1="${y(limit)}" y2="${y(limit)}"/><text class="tick" x="${plot.left + 4}" y="${y(limit) - 4}">budget</text>`
  const mark =
    chosen === undefined
      ? undefined
      : html`<line class="border" x1="${x(chosen)}" x2="${x(chosen)}" y1="${plot.top}" y2="${plot.bottom}"/><text class="tick" x="${x(chosen)}" y="${plot.top - 4}" text-anchor="middle">chosen</text>`
  const [from, to] = ends ?? ['old model', 'trained']
  const summary = series.map(
    ({ name, line, last }) =>
      `${name} from ${measure.short(itemAt(line, 0, 'point').value)} to ${measure.short(last)} ${measure.spoken}`,
  )
  const label = `${title}: ${measure.name} along the path between the weights, ${summary.join(', ')}.`
  const content = html`${grid}${around}${budget}${mark}${lines}${labels}<text class="tick" x="${plot.left}" y="${plot.bottom + 16}">0: ${from}</text><text class="tick" x="${plot.right}" y="${plot.bottom + 16}" text-anchor="end">1: ${to}</text><text class="tick" x="${(plot.left + plot.right) / 2}" y="${height - 6}" text-anchor="middle">alpha, the share of the way</text>`
  return { content, label }
}
