import type { MethodComparison } from '../measure/compare-methods.ts'
import { points } from '../measure/points.ts'
import { methodTitle, type TableData } from './figures/index.ts'
import { pValue } from './gate-table.ts'

/** Methods of one scenario beside the best of them, in points. */
export const comparisonTable = (found: readonly MethodComparison[]): TableData => ({
  caption: 'Over seeds: the mean with its 95 % interval, and how far behind the best',
  head: ['Method', 'Mean %', '95 % interval', 'Mean rank', 'Behind the best', 'p'],
  rows: found.map(({ method, mean, interval: [low, high], rank, behind }) => [
    methodTitle(method),
    points(mean),
    `${points(low)} to ${points(high)}`,
    rank.toFixed(1),
    behind === null ? '' : points(behind.difference),
    behind === null ? '' : pValue(behind.p),
  ]),
})

/** What the p values are of. */
export const comparisonNote =
  'p: paired t test over seeds against the method with the highest mean, two-sided, Holm-corrected. That method is chosen by the same runs.'
