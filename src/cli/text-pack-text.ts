import { count } from '../count.ts'
import { visible } from '../report/figures/index.ts'
import type { TextPackSummary } from '../update/text-pack/index.ts'
import { factLine } from './keep-text.ts'

const whole = (value: number): string => value.toLocaleString('en-US')
const bits = (value: number | null): string =>
  value === null ? 'no bytes to count bits by' : `${value.toFixed(4)} bits per byte`

/** What a pack of texts holds, for people. */
export function textPackText(summary: TextPackSummary): string {
  const { model, exemplars, answers, budget, history, rowLength, overlap } = summary
  const facts: readonly (readonly [string, string])[] = [
    [
      'model',
      `${model.name}, SHA-256 ${model.sha256.slice(0, 12)}…, a language model of ${count(summary.vocabulary, 'token')}`,
    ],
    [
      'texts',
      summary.data
        .map(
          ({ name, documents, tokens }) =>
            `${name} (${count(documents, 'document')}, ${count(tokens, 'token')})`,
        )
        .join(', '),
    ],
    ['exemplars', `${documentWords(exemplars)}, by ${budget.choose}`],
    [
      'answers',
      answers
        ? `the ${count(answers.topTokens, 'likeliest token')} at each place, ${(100 * answers.share).toFixed(1)} % of all probability`
        : 'none',
    ],
    ...heldOutFacts(summary),
    [
      'rows',
      `${count(rowLength, 'token')}${overlap > 0 ? `, ${whole(overlap)} of them of the row before` : ''}`,
    ],
    ['tokenizer', `SHA-256 ${summary.tokenizer.slice(0, 12)}…`],
    ['created', summary.created],
  ]
  const releases = history.map(
    (release, at) =>
      `  ${at + 1}  ${release.model.name}  ${release.created}  ${bits(release.bitsPerByte)} on ${count(release.documents, 'document')}`,
  )
  const lines = [
    ...facts.map(([name, value]) => factLine(name, value)),
    ...(history.length > 1 ? ['', 'Releases, each on what was held out then', ...releases] : []),
  ]
  return visible(lines.join('\n'))
}

const documentWords = ({ documents, tokens, bytes }: TextPackSummary['exemplars']): string =>
  `${count(documents, 'document')}, ${count(tokens, 'token')}, ${count(bytes, 'byte')} of text`

function heldOutFacts({ heldOut }: TextPackSummary): [string, string][] {
  if (!heldOut) return [['held out', 'none']]
  const { first, uses } = heldOut
  const used = uses
    .filter(({ releases }) => releases > 0)
    .map(({ releases, documents }) => `${whole(documents)} by ${count(releases, 'release')}`)
  return [
    [
      'held out',
      `${documentWords(heldOut)}, ${bits(heldOut.bitsPerByte)}${used.length > 0 ? `; used: ${used.join(', ')}` : ''}`,
    ],
    ...(first
      ? [
          [
            'at first',
            `${bits(first.bitsPerByte)} by ${first.name} on ${count(first.documents, 'document')} of them, now ${bits(first.now)}`,
          ] satisfies [string, string],
        ]
      : []),
  ]
}
