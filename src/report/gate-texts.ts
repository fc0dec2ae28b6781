import { count } from '../count.ts'
import {
  type ChangedDocument,
  inTextUnit,
  type TextComparison,
  type TextGateResult,
} from '../update/gate/index.ts'
import { type TableData, visible } from './figures/index.ts'
import { junitXml } from './gate-junit.ts'
import { verdictSigns, verdictWord } from './gate-table.ts'
import { code, folded, markdownTable, plain } from './markdown.ts'
import { textTable } from './text-table.ts'

/** What decided: the first reason of the verdict's own kind. */
const deciding = ({ rules, verdict }: TextGateResult): string =>
  (rules.find((rule) => rule.verdict === verdict) ?? rules[0])?.reason ?? ''

const row = (name: string, found: TextComparison): string[] => {
  const say = (value: number) => inTextUnit(value, found.unit).replace(' per byte', '')
  return [
    name,
    found.documents.toLocaleString('en-US'),
    found.bitsPerByte.baseline.toFixed(4),
    found.bitsPerByte.candidate.toFixed(4),
    say(found.change),
    `${say(found.lower)} to ${say(found.upper)}`,
    say(found.budget),
    found.verdict,
  ]
}

const scoreTable = (result: TextGateResult): TableData => ({
  caption: 'All documents',
  head: ['', 'documents', 'bits/byte before', 'after', 'change', 'bounds', 'budget', ''],
  rows: [
    row('all', { ...result, verdict: result.rules[0]?.verdict ?? result.verdict }),
    ...(result.golden ? [row('against golden', result.golden)] : []),
  ],
})

const signed = (value: number, digits: number): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(digits)}`

const bits = (value: number | null): string => (value === null ? '' : value.toFixed(3))

const worstTable = (worst: readonly ChangedDocument[]): TableData => ({
  caption: 'Documents that got worse',
  head: ['document', 'bytes', 'bits/byte before', 'after', 'change', 'bits added'],
  rows: worst.map(({ id, bytes, before, after, addedBits }) => [
    id,
    bytes.toLocaleString('en-US'),
    bits(before),
    bits(after),
    before === null || after === null ? '' : `${signed(100 * (after / before - 1), 1)} %`,
    signed(addedBits, 0),
  ]),
})

/** Perplexities, and what the figures are. */
function figures(result: TextGateResult): string {
  const { perplexity, tokens, confidence, documents, neededDocuments } = result
  const same = tokens.baseline === tokens.candidate
  const by = same
    ? `over ${count(tokens.baseline, 'token')}`
    : `over ${count(tokens.baseline, 'token')} and ${count(tokens.candidate, 'token')} of different tokenizers, which do not compare`
  const needed =
    neededDocuments === null
      ? ''
      : ` Documents for a verdict in 80 % of cases: ${neededDocuments.toLocaleString('en-US')}.`
  return `Perplexity ${perplexity.baseline.toFixed(2)} before, ${perplexity.candidate.toFixed(2)} after, ${by}. Scores are those of ${count(documents, 'document')} together; each bound holds with ${Number((100 * confidence).toFixed(4))} % confidence.${needed}`
}

/**
 * A gate's result on texts for the terminal.
 *
 * @param options `most`: how many documents are shown, default 10
 * @example console.log(gateTextsText(gateTexts(baseline, candidate, { unit: 'relative', budget: 0.02 })))
 */
export function gateTextsText(result: TextGateResult, options: { readonly most?: number } = {}): string {
  const { most = 10 } = options
  const reason = deciding(result)
  const lines = [
    `${verdictWord[result.verdict]}. ${reason}`,
    ...result.rules.map((rule) => rule.reason).filter((other) => other !== reason),
    ...result.warnings.map((warning) => `Warning: ${warning}`),
    '',
    `${result.baseline} against ${result.candidate}`,
    ...textTable(scoreTable(result)),
    figures(result),
    ...(result.worst.length > 0
      ? ['', 'Documents that add most bits:', ...textTable(worstTable(result.worst.slice(0, most)))]
      : []),
  ]
  return visible(lines.join('\n'))
}

/**
 * The same as Markdown, for a comment on a pull request.
 *
 * @example await writeFile('gate.md', gateTextsMarkdown(result))
 */
export function gateTextsMarkdown(result: TextGateResult): string {
  return `${[
    `## ${verdictSigns[result.verdict]} Gate: ${verdictWord[result.verdict].toLowerCase()}`,
    plain(deciding(result)),
    `Baseline ${code(result.baseline)}, candidate ${code(result.candidate)}.`,
    markdownTable(scoreTable(result)),
    plain(figures(result)),
    result.rules
      .map(({ rule, verdict, reason }) => `- ${verdictSigns[verdict]} ${rule}: ${plain(reason)}`)
      .join('\n'),
    ...result.warnings.map((warning) => `> **Warning.** ${plain(warning)}`),
    ...(result.worst.length > 0
      ? [folded('Documents that add most bits', markdownTable(worstTable(result.worst)))]
      : []),
  ].join('\n\n')}\n`
}

/**
 * The same as JUnit XML: a test case a rule; a failed one is a failure, an inconclusive one an error.
 *
 * @example await writeFile('gate.xml', gateTextsJunit(result))
 */
export const gateTextsJunit = (result: TextGateResult): string =>
  junitXml(
    result.rules.map(({ rule, verdict, reason }) => ({
      suite: 'rules' as const,
      name: rule,
      ...(verdict !== 'pass' && {
        problem: { element: verdict === 'fail' ? ('failure' as const) : ('error' as const), message: reason },
      }),
    })),
    figures(result),
  )
