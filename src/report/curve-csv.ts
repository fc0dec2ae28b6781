import type { CurvePoint, CurveResult, TextCurvePoint, TextCurveResult } from '../update/path/index.ts'

type Cell = string | number | null

const quoted = (cell: Cell): string => {
  if (cell === null || typeof cell === 'number')
    return cell === null || !Number.isFinite(cell) ? '' : String(cell)
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

const csv = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [head, ...rows].map((cells) => `${cells.map(quoted).join(',')}\n`).join('')

/** A line a point: those of the whole path, for which `layers` is empty, and behind them those of each group of layers. */
function rowsOf<Point>(
  { points, groups }: { readonly points: readonly Point[]; readonly groups: CurveGroups<Point> },
  cells: (point: Point) => readonly Cell[],
): Cell[][] {
  const all = [{ name: '', points }, ...groups]
  return all.flatMap(({ name, points: own }) => own.map((point) => [name, ...cells(point)]))
}

type CurveGroups<Point> = readonly { readonly name: string; readonly points: readonly Point[] }[]

/** A curve as CSV; figures are fractions, and empty where there is nothing. */
export const curveCsv = (result: CurveResult): string =>
  csv(
    ['layers', 'alpha', 'old', 'new', 'drop', 'negative_flips', 'positive_flips', 'negative_flip_rate'],
    rowsOf(result, (point: CurvePoint) => [
      ...[point.alpha, point.old, point.new, point.drop],
      ...[point.negativeFlips, point.positiveFlips, point.negativeFlipRate],
    ]),
  )

/** A curve of language models as CSV; changes and bounds are in the unit of the budget. */
export const textCurveCsv = (result: TextCurveResult): string => {
  const of = (which: string) =>
    ['bits_per_byte', 'perplexity', 'change', 'lower', 'upper'].map((name) => `${which}_${name}`)
  return csv(
    ['layers', 'alpha', ...of('old'), ...of('new'), 'verdict'],
    rowsOf(result, (point: TextCurvePoint) => [
      point.alpha,
      ...[point.old, point.new].flatMap((score) =>
        score
          ? [score.bitsPerByte, score.perplexity, score.change, score.lower, score.upper]
          : [null, null, null, null, null],
      ),
      point.verdict,
    ]),
  )
}
