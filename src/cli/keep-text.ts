import { visible } from '../report/figures/index.ts'
import type { PackSummary } from '../update/pack/index.ts'

const count = (value: number): string => value.toLocaleString('en-US')
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

/** What a pack holds, for people. */
export function packText(summary: PackSummary): string {
  const { model, exemplars, heldOut, fisher, classes, budget, history } = summary
  const facts: readonly (readonly [string, string])[] = [
    ['model', `${model.name}, SHA-256 ${model.sha256.slice(0, 12)}…, ${count(classes.length)} classes`],
    [
      'data',
      summary.data
        .map(({ name, rows, synthetic }) => `${name} (${count(rows)} rows${synthetic ? ', drawn' : ''})`)
        .join(', '),
    ],
    [
      'exemplars',
      `${count(exemplars.rows)} by ${budget.choose}, ${perClass(exemplars.perClass)} of each class, ${summary.private ? 'features' : 'inputs'} [${exemplars.dims.join(', ')}]`,
    ],
    ['held out', heldOut ? `${count(heldOut.rows)} rows, ${percent(heldOut.accuracy)} right` : 'none'],
    ['fisher', fisher ? `${count(fisher.parameters)} parameters, over ${count(fisher.rows)} rows` : 'none'],
    ['private', summary.private ? 'yes: no inputs are stored' : 'no: inputs are stored'],
    ['created', summary.created],
  ]
  const releases = history.map(
    (release, at) =>
      `  ${at + 1}  ${release.model.name}  ${release.created}  ${count(release.classes)} classes${release.heldOut ? `  ${percent(release.heldOut.accuracy)} of ${count(release.heldOut.rows)} held-out rows right` : ''}`,
  )
  const lines = [
    ...facts.map(([name, value]) => `${name.padEnd(9)}  ${value}`),
    ...(history.length > 1 ? ['', 'Releases', ...releases] : []),
  ]
  return visible(lines.join('\n'))
}

function perClass(counts: readonly number[]): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return least === most ? count(most) : `${count(least)} to ${count(most)}`
}
