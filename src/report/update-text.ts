import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { duration, type TableData, visible } from './figures/index.ts'
import { textTable } from './text-table.ts'
import { classesTable } from './update-classes.ts'
import { trialsTable } from './update-rungs.ts'
import { preflightFacts, updateNotes, updateSentence, updateTable, updateVerdict } from './update-words.ts'

/** What was found before training, for the terminal. */
export function preflightText(found: Preflight): string[] {
  return preflightLines(preflightFacts(found), found)
}

/** Facts in two columns, then notes and warnings. */
export function preflightLines(
  facts: readonly (readonly [name: string, text: string])[],
  found: { readonly notes: readonly string[]; readonly warnings: readonly string[] },
): string[] {
  const width = Math.max(...facts.map(([name]) => name.length))
  return [
    ...facts.map(([name, text]) => `${name.padEnd(width)}  ${text}`),
    ...found.notes.map((note) => `note: ${note}`),
    ...found.warnings.map((warning) => `warning: ${warning}`),
  ]
}

/** A table with its caption above, and a line between it and what came before. */
export const captioned = (table: TableData | undefined): string[] =>
  table && table.rows.length > 0 ? ['', `${table.caption}:`, ...textTable(table)] : []

/**
 * An update's result for the terminal: the verdict, a table, what was chosen and tried, and what would help.
 *
 * @param written What became of the model, in a sentence.
 */
export const updateText = (summary: UpdateSummary, written: string): string =>
  visible(
    [
      `${updateVerdict(summary)}. ${updateSentence(summary)}`,
      written,
      ...summary.warnings.map((warning) => `warning: ${warning}`),
      '',
      ...textTable(updateTable(summary)),
      ...captioned(classesTable(summary)),
      '',
      ...updateNotes(summary),
      ...(summary.trials.length > 0 ? captioned(trialsTable(summary)) : []),
      ...(summary.help.length > 0
        ? ['', 'What would help:', ...summary.help.map((line) => `- ${line}`)]
        : []),
      '',
      `${duration(summary.seconds.total)}, of which training ${duration(summary.seconds.train)}.`,
    ].join('\n'),
  )
