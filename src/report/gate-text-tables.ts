import { count } from '../count.ts'
import {
  type ChangedDocument,
  inTextUnit,
  type TextComparison,
  type TextGateResult,
} from '../update/gate/index.ts'
import type { TableData } from './figures/index.ts'
import { beforeAndAfter } from './sides.ts'

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

/** The score on all documents, and against the golden model. */
export const scoreTable = (
  result: TextGateResult,
  { heads: [before, after] } = beforeAndAfter,
): TableData => ({
  caption: 'All documents',
  head: ['', 'documents', `bits/byte ${before}`, after, 'change', 'bounds', 'budget', ''],
  rows: [
    row('all', { ...result, verdict: result.rules[0]?.verdict ?? result.verdict }),
    ...(result.golden ? [row('against golden', result.golden)] : []),
  ],
})

const signed = (value: number, digits: number): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(digits)}`

const bits = (value: number | null): string => (value === null ? '' : value.toFixed(3))

/** Documents that got worse. */
export const worstTable = (
  { worst }: { readonly worst: readonly ChangedDocument[] },
  { heads: [first, second] } = beforeAndAfter,
): TableData => ({
  caption: 'Documents that got worse',
  head: ['document', 'bytes', `bits/byte ${first}`, second, 'change', 'bits added'],
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
export function textFiguresLine(
  result: TextGateResult,
  { behind: [before, after] } = beforeAndAfter,
): string {
  const { perplexity, tokens, confidence, documents, neededDocuments } = result
  const same = tokens.baseline === tokens.candidate
  const by = same
    ? `over ${count(tokens.baseline, 'token')}`
    : `over ${count(tokens.baseline, 'token')} and ${count(tokens.candidate, 'token')} of different tokenizers, which do not compare`
  const needed =
    neededDocuments === null
      ? ''
      : ` Documents for a verdict in 80 % of cases: ${neededDocuments.toLocaleString('en-US')}.`
  return `Perplexity ${perplexity.baseline.toFixed(2)} ${before}, ${perplexity.candidate.toFixed(2)} ${after}, ${by}. Scores are those of ${count(documents, 'document')} together; each bound holds with ${Number((100 * confidence).toFixed(4))} % confidence.${needed}`
}
