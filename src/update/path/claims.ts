import type { Verdict } from '../../measure/verdict.ts'
import { effectiveCounts, judgeWeighted, pooledCounts, strataOf } from '../../measure/weighted-verdict.ts'
import { itemAt } from '../../required.ts'
import { type Budget, type BudgetOn, type Claim, type ClaimResult, ofClasses } from './claim.ts'
import { judgeClasses } from './class-claims.ts'
import { confidenceAfter } from './reuse.ts'

export type { Budget, BudgetOn, Claim, ClaimResult } from './claim.ts'
export { ofClasses } from './claim.ts'

export interface ClaimOptions {
  readonly budget: Budget
  readonly before: Int32Array
  readonly labels: Int32Array
  /** How many classes the model that is updated knows: those of the rows. */
  readonly traffic?: readonly number[] | undefined
  /** What classes are called, by unit. */
  readonly classes?: readonly string[] | undefined
  readonly first?: Int32Array | undefined
  /** Releases that have been proved on these rows before; default 0. */
  readonly uses?: number | undefined
}

/** What is held, and what is only told, on rows of these labels. The first is the one that is spoken of. */
export function claimsFor({ budget, before, labels, traffic, classes, first, uses }: ClaimOptions): Claim[] {
  const { maxDrop, maxDropTotal = maxDrop, maxDropPerClass, on = 'deployed' } = budget
  const held = (name: BudgetOn, limit: number) => (on === name || on === 'both' ? limit : null)
  const equal = equalShares(labels, before)
  const claims: Claim[] = [
    { name: 'deployed', maxDrop: held('deployed', maxDrop), before, shares: traffic },
    { name: 'balanced', maxDrop: held('balanced', maxDrop), before, shares: equal },
  ]
  if (maxDropPerClass !== undefined)
    claims.push({ name: 'classes', maxDrop: maxDropPerClass, before, classes })
  if (first?.some((unit) => unit >= 0)) {
    // Classes that came later are no part of what the first release knew.
    const known = new Set([...labels].filter((_, row) => itemAt(first, row, 'row') >= 0))
    const shares = traffic?.map((share, unit) => (known.has(unit) ? share : 0))
    const weighed = shares?.some((share) => share > 0) ? shares : undefined
    claims.push(
      { name: 'total', maxDrop: held('deployed', maxDropTotal), before: first, shares: weighed, uses },
      {
        name: 'total-balanced',
        maxDrop: held('balanced', maxDropTotal),
        before: first,
        shares: equalShares(labels, first),
        uses,
      },
    )
    if (maxDropPerClass !== undefined) {
      claims.push({ name: 'total-classes', maxDrop: maxDropPerClass, before: first, classes })
    }
  }
  const spoken = on === 'balanced' ? 'balanced' : 'deployed'
  return claims.sort((a, b) => Number(b.name === spoken) - Number(a.name === spoken))
}

function equalShares(labels: Int32Array, before: Int32Array): number[] {
  const shares: number[] = []
  for (const [row, label] of labels.entries()) {
    if (itemAt(before, row, 'row') < 0) continue
    while (shares.length <= label) shares.push(0)
    shares[label] = 1
  }
  return shares
}

/** What claims come to where a model answers `after`. */
export const judgeClaims = (
  claims: readonly Claim[],
  after: Int32Array,
  labels: Int32Array,
  confidence: number | undefined,
): ClaimResult[] =>
  claims.map((claim) =>
    ofClasses(claim)
      ? judgeClasses(claim, after, labels, confidence)
      : judgeClaim(claim, after, labels, confidence),
  )

function judgeClaim(
  { name, maxDrop, before, shares, uses = 0 }: Claim,
  after: Int32Array,
  labels: Int32Array,
  asked: number | undefined,
): ClaimResult {
  const confidence = confidenceAfter(uses, asked)
  const examples = [...labels].flatMap((label, row) => {
    const was = itemAt(before, row, 'row')
    return was < 0 ? [] : [{ label, before: was === label, after: itemAt(after, row, 'row') === label }]
  })
  const strata = shares
    ? strataOf(examples, new Map([...shares.entries()]))
    : strataOf(examples.map((each) => ({ ...each, label: 0 })))
  // The bounds are the same whatever the budget.
  const judged = judgeWeighted(strata, { budget: maxDrop ?? 0, confidence })
  const { drop, lower, upper, effective, unseen, neededN } = judged
  const right = weightedRight(examples, shares)
  return {
    name,
    maxDrop,
    verdict: maxDrop === null ? null : judged.verdict,
    confidence,
    drop,
    lower,
    upper,
    before: right,
    after: right - drop,
    n: pooledCounts(strata).total,
    effective,
    flips: effectiveCounts(strata, effective),
    unseen,
    neededN: maxDrop === null ? null : neededN,
  }
}

/** Accuracy before, each class with its share, over classes that have rows. */
function weightedRight(
  examples: readonly { readonly label: number; readonly before: boolean }[],
  shares: readonly number[] | undefined,
): number {
  const rows = new Map<number, { total: number; right: number }>()
  for (const { label, before } of examples) {
    const own = rows.get(shares ? label : 0) ?? { total: 0, right: 0 }
    rows.set(shares ? label : 0, own)
    own.total++
    if (before) own.right++
  }
  let [sum, weight] = [0, 0]
  for (const [label, { total, right }] of rows) {
    const share = shares ? (shares[label] ?? 0) : 1
    sum += (share * right) / total
    weight += share
  }
  return weight === 0 ? 0 : sum / weight
}

/** One verdict of all that is held: it fails where one fails, and passes where all pass. */
export function verdictOf(claims: readonly Pick<ClaimResult, 'maxDrop' | 'verdict'>[]): Verdict {
  const held = claims.filter(({ maxDrop }) => maxDrop !== null)
  if (held.some(({ verdict }) => verdict === 'fail')) return 'fail'
  return held.length > 0 && held.every(({ verdict }) => verdict === 'pass') ? 'pass' : 'inconclusive'
}
