import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { markdownTable, plain } from './markdown.ts'
import {
  chosenSentence,
  preflightFacts,
  trialsTable,
  updateHeadline,
  updateSentence,
  updateTable,
  usesSentence,
  warningsIn,
} from './update-words.ts'

const signs = { met: '✅', 'not-met': '❌', inconclusive: '❔', 'nothing-to-gain': '⚪' } as const

/**
 * An update's result as Markdown, for a pull request.
 *
 * @example await writeFile('update.md', updateMarkdown(summary, found))
 */
export function updateMarkdown(summary: UpdateSummary, found: Preflight): string {
  const uses = usesSentence(summary)
  return `${[
    `## ${signs[summary.status]} Update: ${updateHeadline(summary).toLowerCase()}`,
    plain(updateSentence(summary)),
    markdownTable(updateTable(summary)),
    ...(uses === undefined ? [] : [plain(uses)]),
    plain(chosenSentence(summary)),
    ...(summary.help.length > 0
      ? [`What would help:\n\n${summary.help.map((line) => `- ${plain(line)}`).join('\n')}`]
      : []),
    ...warningsIn(summary, found).map((warning) => `> **Warning.** ${plain(warning)}`),
    ...(summary.trials.length > 0
      ? [`<details><summary>What was tried</summary>\n\n${markdownTable(trialsTable(summary))}\n\n</details>`]
      : []),
    `<details><summary>What was found</summary>\n\n${[
      ...preflightFacts(found).map(([name, text]) => `- ${name}: ${plain(text)}`),
      ...found.notes.map((note) => `- ${plain(note)}`),
    ].join('\n')}\n\n</details>`,
  ].join('\n\n')}\n`
}
