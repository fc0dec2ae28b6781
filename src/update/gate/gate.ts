import type { PredictionSet } from '../../data/formats/index.ts'
import { UsageError } from '../../errors.ts'
import { defaultConfidence } from '../../measure/confidence.ts'
import type { BudgetOn } from '../path/index.ts'
import {
  apart,
  leftOutWarning,
  type NewClass,
  newClasses,
  noExampleWarning,
  type OldAndNew,
} from './gate-classes.ts'
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
  worseWarning,
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
  /** Classes of the examples that the baseline, a model, does not know: these are left out of all else but `neverFlip`. */
  readonly newClasses: readonly NewClass[]
  /** By slice, the largest drop first. */
  readonly slices: readonly GroupComparison[]
  /** The drop by class: each class counts the same, however many examples it has. */
  readonly balanced: OverallComparison
  readonly budgetOn: BudgetOn
  readonly golden:
    | (OverallComparison & { readonly name: string; readonly balanced: OverallComparison })
    | null
  readonly neverFlip: { readonly listed: number; readonly broken: readonly string[] } | null
  /**
   * What makes the verdict worth little, e.g. a side that is no better than always giving one answer, and what no rule holds: classes and
   * slices that are shown to be outside the budget, classes that are new to the baseline, classes without an example.
   */
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
 * - examples of classes that a baseline does not know, where it says which it knows (`classes`), are left out: it answers none of them
 *   rightly, so that learning them would pay for what was forgotten;
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
  const joined = joinPredictions(baseline, candidate)
  for (const side of sides) {
    refuseProbes(side)
    refuseSpelling(side)
  }
  const last = apart(joined, baseline)
  const examples = last.known
  const { traffic, budgetOn = 'deployed' } = options
  const deployedDrop = ({ known, newLabels }: OldAndNew, budget: number) =>
    traffic
      ? compareWeighed(known, budget, confidence, trafficOf(traffic, known, newLabels))
      : compareAll(known, budget, confidence)
  const deployed = deployedDrop(last, maxDrop)
  const balanced = compareWeighed(examples, maxDrop, confidence)
  const overall = budgetOn === 'balanced' ? balanced : deployed
  const groups = (namesOf: (example: PairedExample) => readonly string[], budget = maxDrop) =>
    worstFirst(compareGroups(groupBy(examples, namesOf), budget, confidence))
  const perClass = groups(({ label }) => [label], maxDropPerClass)
  const slices = groups((example) => example.slices, maxDropPerSlice)
  const { golden: pinned, maxDropTotal = maxDrop, neverFlip: listed } = options
  const since = pinned ? joinPredictions(pinned, candidate) : []
  const older = apart(since, pinned ?? baseline, pinned?.classes ?? baseline.classes)
  const total = pinned && {
    deployed: deployedDrop(older, maxDropTotal),
    balanced: compareWeighed(older.known, maxDropTotal, confidence),
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
  const broken = listed && brokenIds(listed, [...joined, ...since], candidate.name)
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
    newClasses: newClasses(last.fresh),
    slices,
    golden,
    neverFlip: broken ? { listed: listed.length, broken } : null,
    warnings: [
      ...new Set([
        ...sameWarning(baseline, candidate),
        ...[baseline, candidate].flatMap((side) => chanceWarning(side, last.newLabels)),
        ...(pinned ? chanceWarning(pinned, older.newLabels) : []),
        ...leftOutWarning(baseline, last),
        ...(pinned ? leftOutWarning(pinned, older) : []),
        ...noExampleWarning(baseline, candidate, joined),
        ...(maxDropPerClass === undefined ? worseWarning('classes', perClass) : []),
        ...(maxDropPerSlice === undefined ? worseWarning('slices', slices) : []),
      ]),
    ],
  }
}

/**
 * The traffic without the classes that are left out.
 *
 * @throws UsageError `traffic-classes` for a label of which the traffic says nothing, `traffic-share` where none has any.
 */
function trafficOf(
  traffic: ReadonlyMap<string, number>,
  examples: readonly PairedExample[],
  leftOut: ReadonlySet<string>,
): ReadonlyMap<string, number> {
  const missing = examples.find(({ label }) => !traffic.has(label))
  if (!missing) {
    if (examples.some(({ label }) => (traffic.get(label) ?? 0) > 0)) {
      return new Map([...traffic].filter(([name]) => !leftOut.has(name)))
    }
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
