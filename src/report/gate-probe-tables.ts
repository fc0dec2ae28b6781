import { points } from '../measure/points.ts'
import type { OverallComparison, ProbeGateResult } from '../update/gate/index.ts'
import type { TableData } from './figures/index.ts'
import { pValue } from './gate-table.ts'

const row = (name: string, found: OverallComparison, verdict: string): string[] => [
  name,
  found.n.toLocaleString('en-US'),
  points(found.accuracy.baseline, 2),
  points(found.accuracy.candidate, 2),
  points(found.drop, 2),
  `${points(found.lower, 2)} to ${points(found.upper, 2)}`,
  points(found.budget, 2),
  `${found.flips.negative} / ${found.flips.positive}`,
  verdict,
]

/** Accuracy on all probes, and against the golden model. */
export const probesTable = (result: ProbeGateResult): TableData => ({
  caption: 'All probes',
  head: ['', 'probes', 'right before %', 'after %', 'drop', 'bounds', 'budget', 'flips - / +', ''],
  rows: [
    row('all', result, result.rules[0]?.verdict ?? result.verdict),
    ...(result.golden ? [row('against golden', result.golden, result.golden.verdict)] : []),
  ],
})

/** Probes that were right and are wrong now. */
export const lostTable = (result: ProbeGateResult): TableData => ({
  caption: 'Probes that were right and are wrong',
  head: ['probe', 'right answer', 'before', 'after'],
  rows: result.lost.map(({ id, label, before, after }) => [id, label, before.pred, after.pred]),
})

/** What the figures are, in one line. */
export function probeFiguresLine(result: ProbeGateResult): string {
  const { negativeFlipRate, negativeFlipRateUpper, mcnemarP, neededN, confidence } = result
  const needed =
    neededN === null ? '' : ` Probes for a verdict in 80 % of cases: ${neededN.toLocaleString('en-US')}.`
  return `Drops and budgets in points of acc; each bound holds with ${Number((100 * confidence).toFixed(4))} % confidence. Right before and wrong after: ${points(negativeFlipRate, 2)} %, at most ${points(negativeFlipRateUpper, 2)} %; McNemar p ${pValue(mcnemarP)}.${needed}`
}
