import { count } from '../count.ts'
import { inTextUnit } from '../update/gate/index.ts'
import type { TextCurvePoint, TextCurveResult, TextCurveScore } from '../update/path/index.ts'
import { alphaText, type CurveEnds, endText } from './curve-ends.ts'
import { curvePageOf } from './curve-page.ts'
import { bitsMeasure, type PathPlot, pathSvg, type TableData } from './figures/index.ts'
import { textTable } from './text-table.ts'

type Points = readonly TextCurvePoint[]

const bits = (score: TextCurveScore | null | undefined): string => score?.bitsPerByte.toFixed(4) ?? ''

function pointsTable(found: Points, { unit, points }: TextCurveResult): TableData {
  const say = (value: number) => inTextUnit(value, unit).replace(' per byte', '')
  const has = (which: 'old' | 'new') => points.some((point) => point[which] !== null)
  const columns = (which: 'old' | 'new') =>
    has(which) ? [`${which} bits/byte`, `${which} change`, 'bounds'] : []
  const cells = (score: TextCurveScore | null) =>
    score === null ? [] : [bits(score), say(score.change), `${say(score.lower)} to ${say(score.upper)}`]
  return {
    caption: '',
    head: ['alpha', ...columns('old'), ...columns('new'), ''],
    rows: found.map((point) => [
      ...[alphaText(point.alpha), ...cells(point.old), ...cells(point.new)],
      [point.verdict === null ? '' : verdictWords[point.verdict], endText(point.alpha)]
        .filter((word) => word !== '')
        .join(', '),
    ]),
  }
}

const verdictWords = { pass: 'inside', fail: 'outside', inconclusive: 'unclear' } as const

/** A group's two ends: what going back would win of the old and cost of the new. */
const groupsTable = ({ groups }: TextCurveResult): TableData => ({
  caption: 'Layers taken back alone, the others as in the second model',
  head: ['layers', 'old there', 'new there', 'old back', 'new back', ''],
  rows: groups.map(({ name, points }) => [
    name,
    ...[points.at(-1), points[0]].flatMap((point) => [bits(point?.old), bits(point?.new)]),
    '',
  ]),
})

const about = ([from, to]: CurveEnds, { documents }: TextCurveResult): string =>
  `Bits per byte from ${from} (alpha 0) to ${to} (alpha 1), on ${count(documents.old, 'old document')} and ${count(documents.new, 'new document')}; less is better`

function legend({ budget, unit, confidence, limit }: TextCurveResult): string {
  const sure = `Changes are from the first model; each bound holds with ${Number((100 * confidence).toFixed(4))} % confidence at its point, not at all of them together.`
  if (budget === null || limit === null) return sure
  return `${sure} The budget for old documents is ${inTextUnit(budget, unit)}, up to ${limit.toFixed(4)} bits per byte; "inside" and "outside" are shown to be so.`
}

/** A curve of language models for the terminal. */
export function textCurveText(result: TextCurveResult, ends: CurveEnds): string {
  return [
    about(ends, result),
    '',
    ...textTable(pointsTable(result.points, result)),
    legend(result),
    ...(result.groups.length > 0
      ? ['', `${groupsTable(result).caption}, in bits per byte`, ...textTable(groupsTable(result))]
      : []),
  ].join('\n')
}

/** Changes of the old documents' score as bits per byte. */
function bandOf(found: Points, { unit }: TextCurveResult): NonNullable<PathPlot['band']> {
  return found.flatMap(({ alpha, old }) => {
    if (!old || !Number.isFinite(old.lower) || !Number.isFinite(old.upper)) return []
    const { bitsPerByte, change, lower, upper } = old
    const at = (value: number): number => {
      switch (unit) {
        case 'relative':
          return (bitsPerByte * (1 + value)) / (1 + change)
        case 'bits':
          return bitsPerByte + value - change
        case 'perplexity':
          return bitsPerByte * (1 + Math.log(value / change) / Math.log(old.perplexity))
      }
    }
    return [{ alpha, lower: at(lower), upper: at(upper) }]
  })
}

/** Old and new texts apart: what a budget allows of the old ones is little beside what new ones need more. */
const plotsOf = (title: string, found: Points, result: TextCurveResult): readonly PathPlot[] =>
  (['old', 'new'] as const).flatMap((which) => {
    if (!found.some((point) => point[which] !== null)) return []
    const points = found.map(({ alpha, ...point }) => {
      const score = point[which]?.bitsPerByte ?? null
      return { alpha, old: which === 'old' ? score : null, new: which === 'new' ? score : null }
    })
    const band = which === 'old' ? bandOf(found, result) : []
    return [
      {
        ...{ title: `${title}, ${which} texts`, points, measure: bitsMeasure, band },
        ...(band.length > 1 && { caption: 'Shaded: what the score is known to lie between' }),
        ...(which === 'old' && { limit: result.limit ?? undefined }),
        ends: ['first', 'second'] as const,
      },
    ]
  })

/** The curve of the whole path as an SVG file. */
export const textCurveSvg = (result: TextCurveResult, ends: CurveEnds): string =>
  pathSvg(...plotsOf(`${ends[0]} to ${ends[1]}`, result.points, result))

/** A curve of language models as one self-contained HTML page. */
export const textCurvePage = (result: TextCurveResult, ends: CurveEnds, command: string): string =>
  curvePageOf({
    ends,
    title: 'Old against new texts between two language models',
    lead: `${about(ends, result)}. ${legend(result)}`,
    whole: plotsOf('All weights', result.points, result),
    groups: result.groups.flatMap(({ name, points }) => plotsOf(name, points, result)),
    aboutGroups:
      'The other layers stay as in the second model. Where the old line falls to the left and the new one stays, these layers need not have moved.',
    command,
  })
