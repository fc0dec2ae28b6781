import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { duration } from './figures/index.ts'
import { textTable } from './text-table.ts'
import {
  chosenSentence,
  preflightFacts,
  trialsTable,
  updateSentence,
  updateTable,
  updateVerdict,
  usesSentence,
} from './update-words.ts'

/** What was found before training, for the terminal. */
export function preflightText(found: Preflight): string[] {
  const facts = preflightFacts(found)
  const width = Math.max(...facts.map(([name]) => name.length))
  return [
    ...facts.map(([name, text]) => `${name.padEnd(width)}  ${text}`),
    ...found.notes.map((note) => `note: ${note}`),
    ...found.warnings.map((warning) => `warning: ${warning}`),
  ]
}

const usesLines = (summary: UpdateSummary): string[] => {
  const said = usesSentence(summary)
  return said === undefined ? [] : [said]
}

/**
 * An update's result for the terminal: the verdict, a table, what was chosen and tried, and what would help.
 *
 * @param written What became of the model, in a sentence.
 */
export const updateText = (summary: UpdateSummary, written: string): string =>
  [
    `${updateVerdict(summary)}. ${updateSentence(summary)}`,
    written,
    ...summary.warnings.map((warning) => `warning: ${warning}`),
    '',
    ...textTable(updateTable(summary)),
    ...usesLines(summary),
    '',
    chosenSentence(summary),
    ...(summary.trials.length > 0 ? textTable(trialsTable(summary)) : []),
    ...(summary.help.length > 0 ? ['', 'What would help:', ...summary.help.map((line) => `- ${line}`)] : []),
    '',
    `${duration(summary.seconds.total)}, of which training ${duration(summary.seconds.train)}.`,
  ].join('\n')
