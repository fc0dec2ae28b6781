import { count } from '../count.ts'
import { largest, smallest } from '../extent.ts'
import { visible } from '../report/figures/index.ts'
import type { PackSummary } from '../update/pack/index.ts'

const whole = (value: number): string => value.toLocaleString('en-US')
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

export const kilobytes = (bytes: number): string =>
  `${(bytes / 1000).toLocaleString('en-US', { maximumFractionDigits: 1 })} kB`

/** How many bytes its file has, for people: a line beside {@link packText}. */
export const sizeLine = (bytes: number): string => factLine('size', kilobytes(bytes))

/** A fact of a pack. */
export const factLine = (name: string, value: string): string => `${name.padEnd(9)}  ${value}`

/** What a pack holds, for people. */
export function packText(summary: PackSummary): string {
  const { model, exemplars, heldOut, fisher, sums, classes, budget, history } = summary
  const facts: readonly (readonly [string, string])[] = [
    ['model', `${model.name}, SHA-256 ${model.sha256.slice(0, 12)}…, ${count(classes.length, 'class')}`],
    [
      'data',
      summary.data
        .map(({ name, rows, synthetic }) => `${name} (${count(rows, 'row')}${synthetic ? ', drawn' : ''})`)
        .join(', '),
    ],
    [
      'exemplars',
      exemplars.rows === 0
        ? 'none'
        : `${whole(exemplars.rows)} by ${budget.choose}, ${perClass(exemplars.perClass)} of each class, ${summary.private ? 'features' : 'inputs'} [${exemplars.dims.join(', ')}]`,
    ],
    [
      'held out',
      heldOut
        ? `${count(heldOut.rows, 'row')}, ${percent(heldOut.accuracy)} right${usedWords(heldOut.uses)}`
        : 'none',
    ],
    ...activationFacts(summary),
    ['traffic', trafficWords(summary)],
    ['sums', sumsWords(sums)],
    [
      'fisher',
      fisher ? `${count(fisher.parameters, 'parameter')}, over ${count(fisher.rows, 'row')}` : 'none',
    ],
    ['private', privateWords(summary)],
    ['created', summary.created],
  ]
  const releases = history.map(
    (release, at) =>
      `  ${at + 1}  ${release.model.name}  ${release.created}  ${count(release.classes, 'class')}${release.heldOut ? `  ${percent(release.heldOut.accuracy)} of ${count(release.heldOut.rows, 'held-out row')} right` : ''}`,
  )
  const lines = [
    ...facts.map(([name, value]) => factLine(name, value)),
    ...(history.length > 1 ? ['', 'Releases', ...releases] : []),
  ]
  return visible(lines.join('\n'))
}

function activationFacts({ activations }: PackSummary): [string, string][] {
  if (!activations) return []
  const { rows, at, stored, dims, accuracy, uses } = activations
  const where = `as activations at ${at}, ${stored} [${dims.join(', ')}]`
  return [
    [
      'above cut',
      `${count(rows, 'more row')} held out ${where}, ${percent(accuracy)} right${usedWords(uses)}`,
    ],
  ]
}

/** How many releases have used how many rows. */
function usedWords(uses: NonNullable<PackSummary['heldOut']>['uses']): string {
  const used = uses.filter(({ releases }) => releases > 0)
  if (used.length === 0) return ''
  const said = used.map(({ releases, rows }) => `${whole(rows)} by ${count(releases, 'release')}`)
  return `; used: ${said.join(', ')}`
}

const sumsWords = (sums: PackSummary['sums']): string =>
  sums
    ? `of ${count(sums.rows, 'row')}${sums.of === 'exemplars' ? ', what was left of the old data among them' : ''}, ${count(sums.width, 'feature')}${sums.random > 0 ? `, ${whole(sums.random)} of them random: ${productWords(sums.width)}` : ''}`
    : 'none'

/** What the products of all pairs of features take, in float32. */
const productWords = (width: number): string =>
  `their products take ${((2 * width * (width + 1)) / 2 ** 20).toFixed(1)} MiB`

const privateWords = ({ private: hides, exemplars, heldOut }: PackSummary): string => {
  if (!hides) return 'no: inputs are stored'
  return exemplars.rows === 0 && !heldOut ? 'yes: no row is stored' : 'yes: no inputs are stored'
}

/** The classes that come most often. */
function trafficWords({ traffic, classes }: PackSummary): string {
  if (!traffic) return 'not known: the pack is of an older format'
  const ranked = classes
    .flatMap((name, at) => {
      const share = traffic.shares[at]
      return share === undefined ? [] : [{ name, share }]
    })
    .sort((a, b) => b.share - a.share)
  const first = ranked.slice(0, 5).map(({ name, share }) => `${name} ${percent(share)}`)
  return `${traffic.source}: ${first.join(', ')}${ranked.length > 5 ? ` and ${ranked.length - 5} more` : ''}`
}

function perClass(counts: readonly number[]): string {
  const [least, most] = [smallest(counts), largest(counts)]
  return least === most ? whole(most) : `${whole(least)} to ${whole(most)}`
}
