import { points } from '../measure/points.ts'
import type {
  Comparison,
  GateResult,
  GroupComparison,
  LanguageGateResult,
  OverallComparison,
} from '../update/gate/index.ts'
import type { TableData } from './figures/index.ts'
import { beforeAndAfter, type SideWords } from './sides.ts'

/** Headlines for people. */
export const verdictWord = { pass: 'PASS', fail: 'FAIL', inconclusive: 'INCONCLUSIVE' } as const

/** The same before a headline in Markdown. */
export const verdictSigns = { pass: '✅', fail: '❌', inconclusive: '❔' } as const

/** What decided: the first reason of the verdict's own kind. */
export function decidingReason({ rules, verdict }: GateResult | LanguageGateResult): string {
  return (rules.find((rule) => rule.verdict === verdict) ?? rules[0])?.reason ?? ''
}

const cells = (name: string, comparison: Comparison, verdict: string): string[] => [
  name,
  comparison.n.toLocaleString('en-US'),
  points(comparison.accuracy.baseline, 2),
  points(comparison.accuracy.candidate, 2),
  points(comparison.drop, 2),
  `${points(comparison.lower, 2)} to ${points(comparison.upper, 2)}`,
  points(comparison.budget, 2),
  `${comparison.flips.negative} / ${comparison.flips.positive}`,
  verdict,
]

const head = (first: string, { heads: [before, after] }: SideWords): string[] => [
  first,
  'examples',
  `${before} %`,
  `${after} %`,
  'drop',
  'bounds',
  'budget',
  'flips - / +',
  '',
]

const weighedNames = { rows: '', deployed: ', as deployed', balanced: ', by class' } as const

/** The drop that the verdict is of, and that by class beside it, with a verdict where it is held. */
function weighedRows(
  name: string,
  main: OverallComparison,
  balanced: OverallComparison,
  { budgetOn, perClass }: GateResult,
): string[][] {
  const row = (comparison: OverallComparison, held: boolean) =>
    cells(`${name}${weighedNames[comparison.weighing]}`, comparison, held ? comparison.verdict : '')
  if (main.weighing === 'balanced' || perClass.length < 2) return [row(main, true)]
  return [row(main, true), row(balanced, budgetOn === 'both')]
}

/** The comparison on all examples, and with the golden baseline. */
export const overallTable = (result: GateResult, sides = beforeAndAfter): TableData => ({
  caption: 'All examples',
  head: head('', sides),
  rows: [
    ...weighedRows('all', result, result.balanced, result),
    ...(result.golden ? weighedRows('against golden', result.golden, result.golden.balanced, result) : []),
  ],
})

/** Groups that are shown to be worse, and then those with the largest drops, `most` in all. */
export function groupTable(
  kind: 'class' | 'slice',
  groups: readonly GroupComparison[],
  most = Number.POSITIVE_INFINITY,
  sides = beforeAndAfter,
): TableData {
  const ranked = [
    ...groups.filter(({ verdict }) => verdict === 'worse'),
    ...groups.filter(({ verdict }) => verdict !== 'worse'),
  ]
  return {
    caption: kind === 'class' ? 'Classes' : 'Slices',
    head: head(kind, sides),
    rows: ranked.slice(0, most).map((group) => cells(group.name, group, group.verdict)),
  }
}

/** Classes as {@link groupTable} has them, and behind them `most` of those that the baseline does not know. */
export function classTable(
  { perClass, newClasses }: GateResult,
  most = Number.POSITIVE_INFINITY,
  sides = beforeAndAfter,
): TableData {
  const table = groupTable('class', perClass, most, sides)
  const fresh = newClasses
    .slice(0, most)
    .map(({ name, n, accuracy }) => [
      ...[name, n.toLocaleString('en-US'), '', points(accuracy, 2)],
      ...['', '', '', '', 'new'],
    ])
  return { ...table, rows: [...table.rows, ...fresh] }
}

/** What the figures are, in one line. */
export const legend = ({ confidence }: GateResult, { behind: [before, after] } = beforeAndAfter): string =>
  `Drops and budgets in points; each bound holds with ${Number((100 * confidence).toFixed(4))} % confidence. Flips: right ${before} and wrong ${after} / the reverse.`

/** Flips, McNemar and what would be needed, in one line. */
export function figuresLine(result: GateResult): string {
  const { negativeFlipRate, negativeFlipRateUpper, mcnemarP, neededN } = result
  const needed =
    neededN === null ? '' : ` Examples for a verdict in 80 % of cases: ${neededN.toLocaleString('en-US')}.`
  return `Negative flip rate ${points(negativeFlipRate, 2)} %, at most ${points(negativeFlipRateUpper, 2)} %; McNemar p ${pValue(mcnemarP)}.${needed}`
}

export const pValue = (p: number): string => (p < 0.0001 ? 'below 0.0001' : p.toFixed(4))
