import type { PredictionSet } from '../../data/formats/index.ts'
import { UsageError } from '../../errors.ts'
import { defaultConfidence } from '../../measure/confidence.ts'
import type { BudgetOn } from '../path/index.ts'
import {
  compareAll,
  compareGroups,
  compareWeighed,
  type GroupComparison,
  groupBy,
  type OverallComparison,
} from './gate-compare.ts'
import { brokenIds, type ListedId } from './gate-flips.ts'
import { joinPredictions, type PairedExample } from './gate-join.ts'
import { chanceWarning, refuseProbes, refuseSpelling, sameWarning } from './gate-plausible.ts'
import {
  dropRule,
  groupRule,
  negativeFlipRule,
  neverFlipRule,
  type RuleOutcome,
  verdictOf,
} from './gate-rules.ts'

/** What `gate` does where it is not told otherwise. */
export const gateDefaults = { maxDrop: 0.01, confidence: defaultConfidence } as const

/** What a gate holds a candidate to. Budgets and caps are fractions of the examples: 0.01 is one percentage point. */
export interface GateOptions {
  /** The drop in accuracy allowed. */
  readonly maxDrop: number
  /** Fails where a class is shown to have lost more than this. Default: classes are only reported, against `maxDrop`. */
  readonly maxDropPerClass?: number | undefined
  /** The same for slices. */
  readonly maxDropPerSlice?: number | undefined
  /** Fails where a larger share of the examples was right and is wrong now. Default: no cap. */
  readonly maxNegativeFlips?: number | undefined
  /** Fails where one of these was right, with the baseline or the golden one, and is wrong now. */
  readonly neverFlip?: readonly ListedId[] | undefined
  /** A pinned older baseline that the candidate has to hold against too. */
  readonly golden?: PredictionSet | undefined
  /** How often each class comes where the models are used, in any unit; default: as often as among the examples. */
  readonly traffic?: ReadonlyMap<string, number> | undefined
  /** Which drop has to keep `maxDrop` and `maxDropTotal`; default `deployed`. */
  readonly budgetOn?: BudgetOn | undefined
  /** The drop allowed against `golden`, over all releases since; default `maxDrop`. */
  readonly maxDropTotal?: number | undefined
  /** Of each bound, one-sided; default 0.95. */
  readonly confidence?: number | undefined
}

/** What {@link gate} found; `holdfast gate --json` prints it. */
export interface GateResult extends OverallComparison {
  readonly schema: 'holdfast.gate/1'
  readonly baseline: string
  readonly candidate: string
  readonly confidence: number
  /** The rules that were asked for, and how each came out. */
  readonly rules: readonly RuleOutcome[]
  /** By true label, the largest drop first. */
  readonly perClass: readonly GroupComparison[]
  /** By slice, the largest drop first. */
  readonly slices: readonly GroupComparison[]
  /** The drop by class: each class counts the same, however many examples it has. */
  readonly balanced: OverallComparison
  readonly budgetOn: BudgetOn
  readonly golden:
    | (OverallComparison & { readonly name: string; readonly balanced: OverallComparison })
    | null
  readonly neverFlip: { readonly listed: number; readonly broken: readonly string[] } | null
  /** What makes the verdict worth little, e.g. a side that is no better than always giving one answer. */
  readonly warnings: readonly string[]
}

/**
 * Holds a candidate against a baseline on the same examples. The verdict is `fail` as soon as one rule fails, `pass` when all pass, and
 * else `inconclusive`:
 * - the drop passes when its upper bound is inside the budget, fails when its lower bound is outside, and is open between; the drop
 *   against the golden baseline likewise. The chance to pass a candidate whose drop is outside a budget is at most 1 - confidence, and so
 *   is, for each of the two, the chance to fail one whose drop is inside;
 * - classes and slices, where they have a budget of their own, fail when one is shown to be outside, at a family-wise error of
 *   1 - confidence (Holm 1979);
 * - the cap on negative flips and the examples that must never flip are plain counts on these examples.
 *
 * @throws DataError where the predictions cannot be paired (`predictions-unpaired`, `predictions-label`, `predictions-duplicate`,
 * `predictions-slice`, `predictions-empty`), `predictions-probe` for answers to probes, `predictions-spelling` where a side spells classes otherwise than the labels, `never-flip-unknown` for an id without a prediction; UsageError `budget-range`,
 * `confidence-range`.
 * @example
 * const { verdict, upper } = gate(baseline, candidate, { maxDrop: 0.01 })
 */
export function gate(baseline: PredictionSet, candidate: PredictionSet, options: GateOptions): GateResult {
  const {
    maxDrop,
    maxDropPerClass,
    maxDropPerSlice,
    maxNegativeFlips,
    confidence = defaultConfidence,
  } = options
  const sides = [baseline, candidate, ...(options.golden ? [options.golden] : [])]
  const examples = joinPredictions(baseline, candidate)
  for (const side of sides) {
    refuseProbes(side)
    refuseSpelling(side)
  }
  const { traffic, budgetOn = 'deployed' } = options
  if (traffic) checkTraffic(traffic, examples)
  const deployedDrop = (paired: readonly PairedExample[], budget: number) =>
    traffic ? compareWeighed(paired, budget, confidence, traffic) : compareAll(paired, budget, confidence)
  const deployed = deployedDrop(examples, maxDrop)
  const balanced = compareWeighed(examples, maxDrop, confidence)
  const overall = budgetOn === 'balanced' ? balanced : deployed
  const groups = (namesOf: (example: PairedExample) => readonly string[], budget = maxDrop) =>
    worstFirst(compareGroups(groupBy(examples, namesOf), budget, confidence))
  const perClass = groups(({ label }) => [label], maxDropPerClass)
  const slices = groups((example) => example.slices, maxDropPerSlice)
  const { golden: pinned, maxDropTotal = maxDrop, neverFlip: listed } = options
  const older = pinned ? joinPredictions(pinned, candidate) : []
  const total = pinned && {
    deployed: deployedDrop(older, maxDropTotal),
    balanced: compareWeighed(older, maxDropTotal, confidence),
  }
  const golden =
    pinned && total
      ? {
          name: pinned.name,
          ...(budgetOn === 'balanced' ? total.balanced : total.deployed),
          balanced: total.balanced,
        }
      : null
  const held = budgetOn === 'both' ? (['deployed', 'balanced'] as const) : [budgetOn]
  const broken = listed && brokenIds(listed, [...examples, ...older], candidate.name)
  const rules = [
    ...held.map((on) => dropRule('drop', { deployed, balanced }[on], confidence)),
    ...(total ? held.map((on) => dropRule('golden', total[on], confidence)) : []),
    ...(maxDropPerClass === undefined ? [] : [groupRule('classes', perClass, maxDropPerClass)]),
    ...(maxDropPerSlice === undefined ? [] : [groupRule('slices', slices, maxDropPerSlice)]),
    ...(maxNegativeFlips === undefined ? [] : [negativeFlipRule(overall, maxNegativeFlips)]),
    ...(broken ? [neverFlipRule(broken, listed.length)] : []),
  ]
  return {
    schema: 'holdfast.gate/1',
    ...overall,
    verdict: verdictOf(rules),
    baseline: baseline.name,
    candidate: candidate.name,
    confidence,
    rules,
    balanced,
    budgetOn,
    perClass,
    slices,
    golden,
    neverFlip: broken ? { listed: listed.length, broken } : null,
    warnings: [...new Set([...sameWarning(baseline, candidate), ...sides.flatMap(chanceWarning)])],
  }
}

/** @throws UsageError `traffic-classes` for a label of which the traffic says nothing, `traffic-share` where none has any. */
function checkTraffic(traffic: ReadonlyMap<string, number>, examples: readonly PairedExample[]): void {
  const missing = examples.find(({ label }) => !traffic.has(label))
  if (!missing) {
    if (examples.some(({ label }) => (traffic.get(label) ?? 0) > 0)) return
    throw new UsageError(
      'traffic-share',
      `By the shares of the traffic each class among the examples comes 0 times, so that nothing would count. Give one of them more, or evaluate on data with the classes that come.`,
    )
  }
  throw new UsageError(
    'traffic-classes',
    `The shares of the traffic say nothing of "${missing.label}", which is a label of the examples; they are of ${[...traffic.keys()].slice(0, 8).join(', ')}. Write 0 for a class that never comes.`,
  )
}

const worstFirst = (groups: readonly GroupComparison[]): GroupComparison[] =>
  [...groups].sort((a, b) => b.drop - a.drop)
