import { locatePrediction, type PredictionSet } from '../../data/formats/index.ts'
import { DataError } from '../../errors.ts'
import { defaultConfidence } from '../../measure/confidence.ts'
import { compareAll, type OverallComparison } from './gate-compare.ts'
import { brokenIds, type FlipRecord, flipRecords, type ListedId } from './gate-flips.ts'
import { joinPredictions } from './gate-join.ts'
import { guessWarning, sameWarning } from './gate-plausible.ts'
import { dropReason, negativeFlipRule, neverFlipRule, type RuleOutcome, verdictOf } from './gate-rules.ts'

/** What a gate holds answers to probes to. Budgets and caps are fractions of the probes. */
export interface ProbeGateOptions {
  /** The drop in accuracy allowed. */
  readonly maxDrop: number
  /** Fails where a larger share of the probes was right and is wrong now. Default: no cap. */
  readonly maxNegativeFlips?: number | undefined
  /** Fails where one of these was right, with the baseline or the golden one, and is wrong now. */
  readonly neverFlip?: readonly ListedId[] | undefined
  /** A pinned older model's answers that the candidate has to hold against, too. */
  readonly golden?: PredictionSet | undefined
  /** The drop allowed against `golden`, over all releases since; default `maxDrop`. */
  readonly maxDropTotal?: number | undefined
  /** Of each bound, one-sided; default 0.95. */
  readonly confidence?: number | undefined
}

export type ProbeRuleOutcome = RuleOutcome<'probes' | 'golden-probes' | 'negative-flips' | 'never-flip'>

/** What {@link gateProbes} found; `holdfast gate --json` prints it where probes alone are compared. */
export interface ProbeGateResult extends OverallComparison {
  readonly schema: 'holdfast.gate-probes/1'
  readonly baseline: string
  readonly candidate: string
  readonly confidence: number
  readonly rules: readonly ProbeRuleOutcome[]
  readonly golden: (OverallComparison & { readonly name: string }) | null
  readonly neverFlip: { readonly listed: number; readonly broken: readonly string[] } | null
  /** Probes that were answered rightly and are not now, 20 at most. */
  readonly lost: readonly FlipRecord[]
  readonly warnings: readonly string[]
}

const most = 20

/**
 * Holds a language model's answers to probes against another's: the drop in accuracy by the test for paired proportions that
 * classifiers are held to ({@link gate}). Answers are no classes, so they are neither told apart by class nor compared in spelling.
 *
 * @param baseline Answers as {@link probePredictions} has them.
 * @throws DataError where the answers cannot be paired, `predictions-probe` for a prediction that answers no probe, `never-flip-unknown`;
 * UsageError `budget-range`, `confidence-range`.
 * @example
 * gateProbes(probePredictions(before, { name: 'old' }), probePredictions(after, { name: 'new' }), { maxDrop: 0.01 }).verdict
 */
export function gateProbes(
  baseline: PredictionSet,
  candidate: PredictionSet,
  options: ProbeGateOptions,
): ProbeGateResult {
  const { maxDrop, maxDropTotal = maxDrop, maxNegativeFlips, neverFlip: listed, golden: pinned } = options
  const { confidence = defaultConfidence } = options
  const older = [baseline, ...(pinned ? [pinned] : [])]
  for (const side of [...older, candidate]) refuseClasses(side)
  const probes = joinPredictions(baseline, candidate)
  const compared = compareAll(probes, maxDrop, confidence)
  const before = pinned ? joinPredictions(pinned, candidate) : []
  const total = pinned && { name: pinned.name, ...compareAll(before, maxDropTotal, confidence) }
  const broken = listed && brokenIds(listed, [...probes, ...before], candidate.name)
  const dropOf = (found: OverallComparison, what: string) => ({
    verdict: found.verdict,
    reason: dropReason(found, confidence, { what, one: 'probe' }),
  })
  const rules: readonly ProbeRuleOutcome[] = [
    { rule: 'probes', ...dropOf(compared, 'on probes ') },
    ...(total
      ? [{ rule: 'golden-probes' as const, ...dropOf(total, 'on probes against the golden model ') }]
      : []),
    ...(maxNegativeFlips === undefined ? [] : [negativeFlipRule(compared, maxNegativeFlips, 'probe')]),
    ...(broken && listed ? [neverFlipRule(broken, listed.length, 'probe')] : []),
  ]
  return {
    schema: 'holdfast.gate-probes/1',
    ...compared,
    verdict: verdictOf(rules),
    baseline: baseline.name,
    candidate: candidate.name,
    confidence,
    rules,
    golden: total ?? null,
    neverFlip: broken && listed ? { listed: listed.length, broken } : null,
    lost: flipRecords(baseline, candidate)
      .filter(({ flip }) => flip === 'negative')
      .slice(0, most),
    warnings: [...new Set([...sameWarning(baseline, candidate), ...older.flatMap(guessWarning)])],
  }
}

function refuseClasses(set: PredictionSet): void {
  const row = set.predictions.findIndex(({ probe }) => probe === undefined)
  if (row < 0) return
  throw new DataError(
    'predictions-probe',
    `${locatePrediction(set, row)}: expected the answer to a probe, {"id", "label", "pred", "probe"}, with "probe" either "choice" or "answer", as holdfast evaluate --probes writes it with --save-predictions; this has no "probe".`,
  )
}
