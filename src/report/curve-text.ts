import { points } from '../measure/points.ts'
import type { CurveGroup, CurvePoint, CurveResult } from '../update/path/index.ts'
import { alphaText, type CurveEnds, endText } from './curve-ends.ts'
import { curvePageOf } from './curve-page.ts'
import { type PathPlot, pathSvg, type TableData } from './figures/index.ts'
import { textTable } from './text-table.ts'

const cell = (value: number | null, digits = 2): string => (value === null ? '' : points(value, digits))

const pointsTable = (caption: string, found: readonly CurvePoint[]): TableData => ({
  caption,
  head: ['alpha', 'old %', 'new %', 'drop', 'flips -', 'flips +', 'flip rate %', ''],
  rows: found.map((point) => [
    alphaText(point.alpha),
    cell(point.old),
    cell(point.new),
    cell(point.drop),
    String(point.negativeFlips ?? ''),
    String(point.positiveFlips ?? ''),
    cell(point.negativeFlipRate),
    endText(point.alpha),
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

/** What else is drawn. */
interface CurvePlotOptions {
  /** The drop that is allowed, a fraction; default none is drawn. */
  readonly maxDrop?: number | undefined
}

const plotOf = (
  title: string,
  found: readonly CurvePoint[],
  { points: [first] }: CurveResult,
  { maxDrop }: CurvePlotOptions,
): PathPlot => ({
  title,
  points: found,
  ends: ['first', 'second'],
  // The drop is counted from the first model as it is.
  ...(maxDrop !== undefined &&
    first?.old != null &&
    first.drop !== null && { limit: first.old + first.drop - maxDrop }),
})

/** The curve of the whole path as an SVG file. */
export const curveSvg = (result: CurveResult, ends: CurveEnds, options: CurvePlotOptions = {}): string =>
  pathSvg(plotOf(`${ends[0]} to ${ends[1]}`, result.points, result, options))

/** A curve as one self-contained HTML page. */
export function curvePage(
  result: CurveResult,
  ends: CurveEnds,
  { command, ...options }: CurvePlotOptions & { readonly command: string },
): string {
  const last = result.points.at(-1)
  return curvePageOf({
    ends,
    title: 'Old against new accuracy between two models',
    lead: `${about(ends, result)}.`,
    whole: [
      {
        ...plotOf('All weights together', result.points, result, options),
        ...(last?.negativeFlips != null && {
          caption: `Negative flips at the end: ${last.negativeFlips} of ${result.rows.old}`,
        }),
      },
    ],
    groups: result.groups.map(({ name, points: found }) => plotOf(name, found, result, options)),
    aboutGroups:
      'The other layers stay as in the second model. Where old accuracy rises to the left and new accuracy stays, these layers need not have moved.',
    command,
  })
}
