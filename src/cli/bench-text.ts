import { count } from '../count.ts'
import { compareMethods } from '../measure/compare-methods.ts'
import { type BenchResult, groupResults } from '../measure/results.ts'
import { comparisonNote, comparisonTable } from '../report/comparison.ts'
import { capitalise, meanAndError, methodTitle } from '../report/figures/index.ts'
import { headline } from '../report/headline.ts'
import { protocolTitle } from '../report/protocol-title.ts'
import { textTable } from '../report/text-table.ts'
import { tuningTable } from '../report/tuning.ts'
import { itemAt } from '../required.ts'

/** A benchmark's results as a small table: methods down, scenarios across, average accuracy in %. */
export function benchText(bench: BenchResult): string {
  const groups = groupResults(bench.results)
  if (groups.length === 0) return ['No run was finished.', ...missingText(bench)].join('\n')
  const { missing = [] } = bench
  const named = [...groups, ...missing]
  const scenarios = [...new Set(named.map(({ scenario }) => scenario))]
  const methods = [...new Set(named.map(({ method }) => method))]
  const rows = [
    ['Average accuracy, %', ...scenarios.map((scenario) => `${capitalise(scenario)}-IL`)],
    ...methods.map((method) => [
      methodTitle(method),
      ...scenarios.map((scenario) => {
        const here = (each: { readonly method: string; readonly scenario: string }) =>
          each.method === method && each.scenario === scenario
        const runs = groups.find(here)?.runs ?? []
        const lacking = missing.filter(here).length
        const seeds = lacking === 0 ? '' : ` (${runs.length} of ${runs.length + lacking} seeds)`
        return `${meanAndError(runs.map((run) => run.averageAccuracy)) ?? '·'}${seeds}`
      }),
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? []
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0
          ? cell.padEnd(itemAt(widths, 0, 'column'))
          : cell.padStart(itemAt(widths, column, 'column')),
      )
      .join('   '),
  )
  const data = `${protocolTitle(bench)} on ${bench.dataset.name}${bench.dataset.synthetic ? ' (synthetic: not comparable with published figures)' : ''}`
  const { changed = [] } = bench.protocol ?? {}
  const other = changed.length > 0 ? [`Not as the protocol has it: ${changed.join(', ')}`] : []
  return [
    data,
    ...other,
    '',
    ...lines,
    ...comparisonText(bench),
    ...tuningText(bench),
    '',
    headline(bench).title,
    ...missingText(bench),
  ].join('\n')
}

const MOST_NAMED = 20

/** Runs that a result is without, and why. */
export function missingText({ missing = [], results }: BenchResult): string[] {
  if (missing.length === 0) return []
  const more = missing.length - MOST_NAMED
  return [
    '',
    `${count(missing.length, 'run')} of ${results.length + missing.length} missing:`,
    ...missing
      .slice(0, MOST_NAMED)
      .map(({ method, scenario, seed, why }) => `  ${method}, ${scenario}, seed ${seed}: ${why}`),
    ...(more > 0 ? [`  and ${more} more (--json names all)`] : []),
  ]
}

/** Where the page is, or why there is none. */
export const reportLine = (report: string | undefined, bench: BenchResult | undefined): string[] => {
  if (report === undefined) return []
  return [bench ? `Report: ${report}` : `Report: not written (${report}), as no run was finished`]
}

const tuningText = ({ tuning }: BenchResult): string[] =>
  tuning ? ['', 'Settings chosen by trials', ...textTable(tuningTable(tuning))] : []

function comparisonText({ results }: BenchResult): string[] {
  const found = compareMethods(results)
  const scenarios = [...new Set(found.map(({ scenario }) => scenario))]
  return [
    ...scenarios.flatMap((scenario) => [
      '',
      `Compared over seeds, ${capitalise(scenario)}-IL`,
      ...textTable(comparisonTable(found.filter((each) => each.scenario === scenario))),
    ]),
    ...(found.length > 0 ? [comparisonNote] : []),
  ]
}
