import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { markdownTable, plain } from './markdown.ts'
import { classesTable } from './update-classes.ts'
import { trialsTable } from './update-rungs.ts'
import {
  preflightFacts,
  updateHeadline,
  updateNotes,
  updateSentence,
  updateTable,
  warningsIn,
} from './update-words.ts'

const signs = { met: '✅', 'not-met': '❌', inconclusive: '❔', 'nothing-to-gain': '⚪' } as const

const uncapitalised = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/**
 * An update's result as Markdown, for a pull request.
 *
 * @example await writeFile('update.md', updateMarkdown(summary, found))
 */
export function updateMarkdown(summary: UpdateSummary, found: Preflight): string {
  const classes = classesTable(summary)
  return `${[
    `## ${signs[summary.status]} Update: ${plain(uncapitalised(updateHeadline(summary)))}`,
    plain(updateSentence(summary)),
    markdownTable(updateTable(summary)),
    ...(classes ? [markdownTable(classes)] : []),
    ...updateNotes(summary).map(plain),
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
