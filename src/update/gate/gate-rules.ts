import { count } from '../../count.ts'
import { points as inPoints } from '../../measure/points.ts'
import type { GroupComparison, OverallComparison, Verdict } from './gate-compare.ts'

/** The rules that a gate holds classifiers to. */
export type RuleName =
  | 'drop'
  | 'drop-by-class'
  | 'golden'
  | 'golden-by-class'
  | 'classes'
  | 'slices'
  | 'negative-flips'
  | 'never-flip'

/** One of the rules that a gate was asked to hold, and how it came out. */
export interface RuleOutcome<Name extends string = RuleName> {
  readonly rule: Name
  readonly verdict: Verdict
  /** One sentence for people. */
  readonly reason: string
}

/** `fail` as soon as one rule fails, `pass` when all pass, else `inconclusive`. */
export function verdictOf(rules: readonly RuleOutcome<string>[]): Verdict {
  if (rules.some(({ verdict }) => verdict === 'fail')) return 'fail'
  return rules.every(({ verdict }) => verdict === 'pass') ? 'pass' : 'inconclusive'
}

const points = (fraction: number): string => `${inPoints(fraction, 2)} points`
const listed = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`

const lossesOf = (groups: readonly GroupComparison[]): string =>
  listed(groups.map(({ name, drop }) => `${name} (${points(drop)})`))

/** The rule on the drop against a baseline. */
export function dropRule(
  baseline: 'drop' | 'golden',
  comparison: OverallComparison,
  confidence: number,
): RuleOutcome {
  const { verdict, weighing } = comparison
  const rule = weighing === 'balanced' ? (`${baseline}-by-class` as const) : baseline
  const weighed = { rows: '', deployed: 'as deployed ', balanced: 'by class ' }[weighing]
  const what = `${weighed}${baseline === 'golden' ? 'against the golden baseline ' : ''}`
  return { rule, verdict, reason: dropReason(comparison, confidence, { what, one: 'example' }) }
}

/**
 * How a drop came out, in one sentence.
 *
 * @param words.what Which drop it is, with a space behind, or nothing.
 * @param words.one What one of n is.
 */
export function dropReason(
  comparison: OverallComparison,
  confidence: number,
  { what, one }: { readonly what: string; readonly one: string },
): string {
  const { drop, lower, upper, budget, verdict, n, neededN, unseen } = comparison
  const sure = `with ${Number((100 * confidence).toFixed(4))} % confidence`
  const change = `The ${drop >= 0 ? 'drop' : 'gain'} ${what}is ${points(Math.abs(drop))}`
  const allowed = `the budget of ${points(budget)}`
  switch (verdict) {
    case 'pass': {
      const bound = upper >= 0 ? `at most a drop of ${points(upper)}` : `at least a gain of ${points(-upper)}`
      return `${change} and, ${sure}, ${bound}: inside ${allowed}.`
    }
    case 'fail':
      return `${change} and, ${sure}, at least ${points(lower)}: outside ${allowed}.`
    case 'inconclusive': {
      const needed =
        unseen > 0
          ? `classes of ${inPoints(unseen, 2)} % of the traffic have no example`
          : neededN === null
            ? 'no number decides where the drop is the budget exactly'
            : `about ${count(neededN, one)} would be needed`
      return `${count(n, one)} cannot tell whether the drop ${what}is inside ${allowed}: it is ${points(drop)}, between ${points(lower)} and ${points(upper)} (each bound ${sure}); ${needed}.`
    }
  }
}

/** The rule that no class, or no slice, is shown to be outside its budget. */
export function groupRule(
  rule: 'classes' | 'slices',
  groups: readonly GroupComparison[],
  budget: number,
): RuleOutcome {
  const one = rule === 'classes' ? 'class' : 'slice'
  const worse = groups.filter(({ verdict }) => verdict === 'worse')
  if (worse.length === 0) {
    const reason = `None of ${count(groups.length, one)} is shown to have lost more than ${points(budget)}.`
    return { rule, verdict: 'pass', reason }
  }
  const reason = `${count(worse.length, one)} of ${groups.length.toLocaleString('en-US')} lost more than ${points(budget)}: ${lossesOf(worse)}.`
  return { rule, verdict: 'fail', reason }
}

/** Classes or slices that are shown to be outside the budget while no rule forbids it. */
export function worseWarning(rule: 'classes' | 'slices', groups: readonly GroupComparison[]): string[] {
  const worse = groups.filter(({ verdict }) => verdict === 'worse')
  if (worse.length === 0) return []
  const flag = rule === 'classes' ? '--max-drop-per-class' : '--max-drop-per-slice'
  return [
    `Shown to have lost more than the budget, which does not count without ${flag}: ${lossesOf(worse)}.`,
  ]
}

/** The rule on the share of negative flips among these examples. */
export function negativeFlipRule(
  { negativeFlipRate }: OverallComparison,
  limit: number,
  one = 'example',
): RuleOutcome<'negative-flips'> {
  const broken = negativeFlipRate > limit
  return {
    rule: 'negative-flips',
    verdict: broken ? 'fail' : 'pass',
    reason: `${inPoints(negativeFlipRate, 2)} % of the ${one}s were right and are wrong now; ${inPoints(limit, 2)} % are allowed.`,
  }
}

/** The rule on examples that must never flip. */
export function neverFlipRule(
  broken: readonly string[],
  asked: number,
  one = 'example',
): RuleOutcome<'never-flip'> {
  const those = `the ${count(asked, one)} that must never flip`
  return broken.length === 0
    ? { rule: 'never-flip', verdict: 'pass', reason: `None of ${those} was right and is wrong now.` }
    : {
        rule: 'never-flip',
        verdict: 'fail',
        reason: `${broken.length} of ${those} ${broken.length === 1 ? 'was right and is' : 'were right and are'} wrong now: ${listed(broken)}.`,
      }
}
