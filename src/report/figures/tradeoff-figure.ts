import { itemAt } from '../../required.ts'
import { figure } from './figure.ts'
import { html, type Markup } from './markup.ts'
import { linear, roundTicks, spread } from './scale.ts'
import { accuracyTradeoff, type TradeoffMeasure } from './tradeoff-measures.ts'

/** A point that could be shipped, in the measure of the plot. */
interface Shown {
  readonly drop: number
  readonly new: number
}

/** What of one rung was tested, with its bound, and what was only estimated, each with more of the new right than the one before. */
export interface TradeoffLine {
  readonly name: string
  readonly tested: readonly (Shown & { readonly upper: number })[]
  readonly estimated: readonly Shown[]
}

/** What is learned of the new against what is lost of the old. */
export interface TradeoffPlot {
  readonly title: string
  readonly caption: string
  readonly lines: readonly TradeoffLine[]
  /** The drop that is allowed. */
  readonly budget: number
  /** Without a bound where nothing proves. */
  readonly chosen: (Shown & { readonly upper?: number | undefined }) | undefined
  /** What is drawn. Default accuracies and their drop, as fractions. */
  readonly measure?: TradeoffMeasure | undefined
}

const width = 620
const height = 330
const plot = { left: 40, right: 450, top: 20, bottom: 282 }

const TICKS = 5

/** One line a rung: what was tested drawn through, what is only estimated dashed and hollow; the budget, and the chosen point with its bound. */
export function tradeoffFigure(data: TradeoffPlot): Markup {
  const { measure = accuracyTradeoff } = data
  const frame = frameOf(data, measure)
  const drawn = data.lines.map((line) => ({
    ...line,
    estimated: line.estimated.filter(({ drop }) => drop <= frame.to && drop >= frame.from),
  }))
  return figure({
    title: data.title,
    caption: data.caption,
    plot: drawing(data, drawn, frame, measure),
    table: {
      caption: `${data.title}, ${measure.units}`,
      head: ['trained', measure.lossHead, 'at most', measure.gainHead, ''],
      rows: drawn.flatMap(({ name, tested, estimated }) => [
        ...tested.map((point) => [
          name,
          measure.loss(point.drop),
          measure.loss(point.upper),
          measure.gain(point.new),
          isSame(point, data.chosen) ? 'chosen' : 'tested',
        ]),
        ...estimated.map((point) => [
          ...[name, measure.loss(point.drop), '', measure.gain(point.new)],
          isSame(point, data.chosen) ? 'chosen' : 'estimated',
        ]),
      ]),
    },
  })
}

const isSame = (
  point: Shown & { readonly upper?: number | undefined },
  other: TradeoffPlot['chosen'],
): boolean =>
  other !== undefined && point.drop === other.drop && point.new === other.new && point.upper === other.upper

interface Frame {
  /** Drops at both ends. */
  readonly from: number
  readonly to: number
  /** Accuracies at both ends. */
  readonly low: number
  readonly high: number
}

/** Wide enough for the budget and all that was tested; estimates are cut where it ends. */
function frameOf({ lines, budget, chosen }: TradeoffPlot, { beyond, range }: TradeoffMeasure): Frame {
  const tested = lines.flatMap((line) => line.tested)
  const drops = [
    ...tested.map(({ drop }) => drop),
    ...(chosen ? [chosen.drop, chosen.upper ?? chosen.drop] : []),
  ].filter(Number.isFinite)
  const to = Math.max(beyond(budget), ...drops) * 1.05
  const from = Math.min(0, ...drops) * 1.05
  const seen = [...tested, ...lines.flatMap(({ estimated }) => estimated), ...(chosen ? [chosen] : [])]
  const values = seen.filter(({ drop }) => drop >= from && drop <= to).map((point) => point.new)
  const [low, high] = range(values)
  return { from, to, low, high }
}

function drawing(
  { title, budget, chosen }: TradeoffPlot,
  drawn: readonly TradeoffLine[],
  { from, to, low, high }: Frame,
  measure: TradeoffMeasure,
): Markup {
  const x = linear(from, to, plot.left, plot.right)
  const y = linear(low, high, plot.bottom, plot.top)
  const place = (point: Shown) => `${x(point.drop)},${y(point.new)}`
  const rows = roundTicks(low, high, TICKS).map(
    (value) =>
      html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y(value)}" y2="${y(value)}"/><text class="tick" x="${plot.left - 5}" y="${y(value) + 4}" text-anchor="end">${measure.gainTick(value)}</text>`,
  )
  const columns = roundTicks(from, to, TICKS).map(
    (value) =>
      html`<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="${plot.bottom}" y2="${plot.bottom + 4}"/><text class="tick" x="${x(value)}" y="${plot.bottom + 16}" text-anchor="middle">${measure.lossTick(value)}</text>`,
  )
  const lines = drawn.map(({ tested, estimated }, n) => {
    const join = [...tested.slice(-1), ...estimated]
    return html`${
      join.length > 1
        ? html`<polyline class="line c${n} guess" points="${join.map(place).join(' ')}"/>`
        : undefined
    }<polyline class="line c${n} sure" points="${tested.map(place).join(' ')}"/>${tested.map(
      (point) => html`<circle class="c${n}" cx="${x(point.drop)}" cy="${y(point.new)}" r="3"/>`,
    )}${estimated.map(
      (point) => html`<circle class="c${n} hollow" cx="${x(point.drop)}" cy="${y(point.new)}" r="2.5"/>`,
    )}`
  })
  const named = drawn.flatMap(({ name, tested, estimated }, n) => {
    const last = estimated.at(-1) ?? tested.at(-1)
    return last ? [{ name, n, last }] : []
  })
  const places = spread(
    named.map(({ last }) => y(last.new)),
    14,
    plot.top,
    plot.bottom,
  )
  const labels = named.map(
    ({ name, n, last }, at) =>
      html`<polyline class="leader" points="${x(last.drop) + 5},${y(last.new)} ${plot.right + 6},${itemAt(places, at, 'line')}"/><text class="label t${n}" x="${plot.right + 9}" y="${itemAt(places, at, 'line') + 4}">${short(name)}</text>`,
  )
  const limit = html`<line class="border" x1="${x(budget)}" x2="${x(budget)}" y1="${plot.top}" y2="${plot.bottom}"/><text class="tick" x="${x(budget) + 4}" y="${plot.bottom - 6}">budget</text>`
  // Lines come from below on the left: above it there is room.
  const atEdge = chosen !== undefined && x(chosen.drop) < plot.left + NAMED
  const bound = chosen?.upper
  const whisker =
    chosen && bound !== undefined && Number.isFinite(bound)
      ? html`<line class="whisker" x1="${x(chosen.drop)}" x2="${x(bound)}" y1="${y(chosen.new)}" y2="${y(chosen.new)}"/><line class="whisker" x1="${x(bound)}" x2="${x(bound)}" y1="${y(chosen.new) - 5}" y2="${y(chosen.new) + 5}"/>`
      : undefined
  const mark =
    chosen &&
    html`${whisker}<circle class="ring" cx="${x(chosen.drop)}" cy="${y(chosen.new)}" r="6"/><text class="label" x="${x(chosen.drop) - (atEdge ? 0 : 8)}" y="${y(chosen.new) - 10}" text-anchor="${atEdge ? 'start' : 'end'}">chosen</text>`
  const said = chosen ? ` ${measure.chosen(chosen)}` : ''
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${title}. ${measure.budget(budget)}${said}`}">${rows}${columns}${limit}${lines}${mark}${labels}<text class="tick" x="${plot.left}" y="${plot.top - 6}">${measure.gainAxis}</text><text class="tick" x="${(plot.left + plot.right) / 2}" y="${height - 14}" text-anchor="middle">${measure.lossAxis}</text></svg>`
}

/** What the word for the chosen point takes. */
const NAMED = 50

const LONGEST = 26
/** Names of places in a graph may be long; the table has them whole. */
const short = (name: string): string => (name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name)
