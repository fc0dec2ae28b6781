import { points } from '../measure/points.ts'
import type { CurveGroup, CurvePoint, CurveResult } from '../update/path/index.ts'
import { html, type PathPlot, pathFigure, pathSvg, type TableData } from './figures/index.ts'
import { textTable } from './text-table.ts'
import { standalonePage } from './update-page.ts'

/** What the two models are called. */
export type CurveEnds = readonly [string, string]

const cell = (value: number | null, digits = 2): string => (value === null ? '' : points(value, digits))

const pointsTable = (caption: string, found: readonly CurvePoint[]): TableData => ({
  caption,
  head: ['alpha', 'old %', 'new %', 'drop', 'flips -', 'flips +', 'flip rate %', ''],
  rows: found.map((point) => [
    point.alpha.toFixed(3).replace(/0{1,2}$/, ''),
    cell(point.old),
    cell(point.new),
    cell(point.drop),
    String(point.negativeFlips ?? ''),
    String(point.positiveFlips ?? ''),
    cell(point.negativeFlipRate),
    '',
  ]),
})

/** A group's two ends: what going back would win of the old and cost of the new. */
const groupsTable = (groups: readonly CurveGroup[]): TableData => ({
  caption: 'Layers taken back alone, the others as in the second model',
  head: ['layers', 'old % there', 'new % there', 'old % back', 'new % back', ''],
  rows: groups.map(({ name, points: found }) => [
    name,
    cell(found.at(-1)?.old ?? null),
    cell(found.at(-1)?.new ?? null),
    cell(found[0]?.old ?? null),
    cell(found[0]?.new ?? null),
    '',
  ]),
})

const about = ([from, to]: CurveEnds, { rows }: CurveResult): string =>
  `Accuracy from ${from} (alpha 0) to ${to} (alpha 1), on ${rows.old.toLocaleString('en-US')} old and ${rows.new.toLocaleString('en-US')} new examples`

/** A curve for the terminal. */
export function curveText(result: CurveResult, ends: CurveEnds): string {
  const { groups } = result
  return [
    about(ends, result),
    '',
    ...textTable(pointsTable('', result.points)),
    ...(groups.length > 0
      ? ['', 'Layers taken back alone, the others as in the second model', ...textTable(groupsTable(groups))]
      : []),
  ].join('\n')
}

const plotOf = (title: string, found: readonly CurvePoint[]): PathPlot => ({
  title,
  points: found,
  ends: ['first', 'second'],
})

/** The curve of the whole path as an SVG file. */
export const curveSvg = (result: CurveResult, ends: CurveEnds): string =>
  pathSvg(plotOf(`${ends[0]} to ${ends[1]}`, result.points))

/** A curve as one self-contained HTML page. */
export function curvePage(result: CurveResult, ends: CurveEnds, command: string): string {
  const { groups } = result
  const back =
    groups.length === 0
      ? undefined
      : html`<section><h2>Layers taken back alone</h2><p class="about">The other layers stay as in the second model. Where old accuracy rises to the left and new accuracy stays, these layers need not have moved.</p><div class="plots">${groups.map(
          ({ name, points: found }) => pathFigure({ ...plotOf(name, found), ends: ['back', 'as it is'] }),
        )}</div></section>`
  return standalonePage(
    `${ends[0]} to ${ends[1]} · Holdfast curve`,
    html`<header><p class="kicker"><b>Holdfast</b> · curve</p><h1>Old against new accuracy between two models</h1><p class="lead">${about(ends, result)}.</p></header>
<main><section><h2>The whole path</h2><div class="single">${pathFigure({
      ...plotOf('All weights together', result.points),
      ...(result.points[0]?.old === null
        ? {}
        : {
            caption: `Negative flips at the end: ${result.points.at(-1)?.negativeFlips} of ${result.rows.old}`,
          }),
    })}</div></section>
${back}<section><h2>Do it again</h2><pre>${command}</pre></section></main>
<footer>Everything on this page is in the file itself. The path is the straight one between the weights (Wortsman et al. 2022).</footer>`,
  )
}
