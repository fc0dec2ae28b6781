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
  if (groups.length === 0) return 'No run was finished.'
  const scenarios = [...new Set(groups.map(({ scenario }) => scenario))]
  const methods = [...new Set(groups.map(({ method }) => method))]
  const rows = [
    ['Average accuracy, %', ...scenarios.map((scenario) => `${capitalise(scenario)}-IL`)],
    ...methods.map((method) => [
      methodTitle(method),
      ...scenarios.map((scenario) => {
        const group = groups.find((each) => each.method === method && each.scenario === scenario)
        return (group && meanAndError(group.runs.map((run) => run.averageAccuracy))) ?? '·'
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
  ].join('\n')
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
