import type { FlipRecord, GateResult } from '../update/gate/index.ts'
import {
  classTable,
  decidingReason,
  figuresLine,
  groupTable,
  legend,
  overallTable,
  verdictSigns,
  verdictWord,
} from './gate-table.ts'
import { code, folded, markdownTable, plain } from './markdown.ts'

/**
 * A gate's result as Markdown, for a comment on a pull request.
 *
 * @param flips negative flips to show, the first 20 of them; default none
 * @example await writeFile('gate.md', gateMarkdown(result, flipRecords(baseline, candidate)))
 */
export function gateMarkdown(result: GateResult, flips: readonly FlipRecord[] = []): string {
  const negative = flips.filter(({ flip }) => flip === 'negative')
  return `${[
    `## ${verdictSigns[result.verdict]} Gate: ${verdictWord[result.verdict].toLowerCase()}`,
    plain(decidingReason(result)),
    `Baseline ${code(result.baseline)}, candidate ${code(result.candidate)}.`,
    markdownTable(overallTable(result)),
    plain(figuresLine(result)),
    result.rules
      .map(({ rule, verdict, reason }) => `- ${verdictSigns[verdict]} ${rule}: ${plain(reason)}`)
      .join('\n'),
    ...result.warnings.map((warning) => `> **Warning.** ${plain(warning)}`),
    ...(result.slices.length > 0
      ? [folded('Slices', markdownTable(groupTable('slice', result.slices, 50)))]
      : []),
    folded(
      result.perClass.length > 50 ? `Classes (50 of ${result.perClass.length})` : 'Classes',
      markdownTable(classTable(result, 50)),
    ),
    ...(negative.length > 0
      ? [folded(`Negative flips (${negative.length})`, flipTable(negative.slice(0, 20)))]
      : []),
    plain(legend(result)),
  ].join('\n\n')}\n`
}

const share = (probability: number | null): string =>
  probability === null ? '' : ` (${probability.toFixed(2)})`

const flipTable = (flips: readonly FlipRecord[]): string =>
  markdownTable({
    caption: 'Negative flips',
    head: ['example', 'label', 'before', 'after'],
    rows: flips.map(({ id, label, before, after }) => [
      id,
      label,
      before.pred + share(before.probability),
      after.pred + share(after.probability),
    ]),
  })
