import { type BenchResult, groupResults, type ResultGroup } from '../measure/results.ts'
import { capitalise, type TableData, visible } from './figures/index.ts'
import { headline } from './headline.ts'
import { missingTable } from './missing.ts'
import { syntheticNotice } from './page.ts'
import { runTextsTable } from './run-texts.ts'
import { machineTable, metricsTable, settingsTable } from './tables.ts'

/** Text that Markdown leaves as it is, on one line; what cannot be seen in it is written out. */
export const plain = (text: string): string =>
  visible(text)
    .replace(/[\\`*_[\]<>|&~]/g, '\\$&')
    .replace(/\s*\n\s*/g, ' ')

/** Text as code, between as many backticks as it takes. */
export function code(text: string): string {
  const said = visible(text).replace(/\s*\n\s*/g, ' ')
  const longest = Math.max(0, ...(said.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(longest + 1)
  const space = /^`|`$/.test(said) ? ' ' : ''
  return `${fence}${space}${said}${space}${fence}`
}

/** A table in Markdown, the first column to the left, the others to the right. */
export function markdownTable({ head, rows }: TableData): string {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`
  const rule = `| ${head.map((_, n) => (n === 0 ? '---' : '---:')).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** What is shown when its title is clicked. */
export const folded = (title: string, content: string): string =>
  `<details><summary>${title}</summary>\n\n${content}\n\n</details>`

/** What test parts cost language models, a table a method. */
const textsPart = (groups: readonly ResultGroup[], tasks: readonly string[]): readonly string[] =>
  groups.flatMap((group) => {
    const table = runTextsTable(group, tasks)
    return table ? [plain(table.caption), markdownTable(table)] : []
  })

/**
 * The result as Markdown, for a pull request or a log: headline, one table a scenario, settings and machine.
 *
 * @example console.log(reportMarkdown(bench))
 */
export function reportMarkdown(bench: BenchResult | readonly BenchResult[]): string {
  const benches = 'schema' in bench ? [bench] : bench
  const parts = benches.flatMap((one) => {
    const { title, detail } = headline(one)
    const groups = groupResults(one.results)
    const scenarios = [...new Set(groups.map((group) => group.scenario))]
    return [
      `# ${plain(title)}`,
      ...(one.dataset.synthetic ? [`> **Synthetic data.** ${plain(syntheticNotice(one))}`] : []),
      plain(detail),
      ...scenarios.flatMap((scenario) => [
        `## ${capitalise(scenario)}-incremental`,
        'Points, mean ± standard error.',
        markdownTable(
          metricsTable(
            groups.filter((group) => group.scenario === scenario),
            '',
          ),
        ),
        ...textsPart(
          groups.filter((group) => group.scenario === scenario),
          one.tasks,
        ),
      ]),
      ...(one.missing ? ['## Runs that are missing', markdownTable(missingTable(one.missing))] : []),
      '## Settings',
      markdownTable(settingsTable(one)),
      '## Machine',
      markdownTable(machineTable(one)),
    ]
  })
  return `${parts.join('\n\n')}\n`
}
