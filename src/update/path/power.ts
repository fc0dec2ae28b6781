import { defaultConfidence } from '../../measure/confidence.ts'
import { examplesNeeded } from '../../measure/paired.ts'
import { chanceToPass, flipsTolerated } from '../../measure/pass-chance.ts'
import { weightedDrop } from '../../measure/weighted-drop.ts'
import { strataOf } from '../../measure/weighted-verdict.ts'
import type { Budget, PowerFacts } from './points.ts'

/** Answers that change where an update begins to learn, as a share: 0.7 % in a first candidate of two digits beside eight. */
const BEGINNING = 0.01
/** And where it has learned a lot. */
const FAR = 0.05

/**
 * What so many rows to prove on can show, before anything is known of how they will flip. Each candidate is tested at the full level, from
 * the one that seems to lose least on; so what decides whether a budget is met at all is a candidate that changes few answers.
 *
 * @param effective So many rows would tell as much, were each to count the same; default all of them. See {@link effectiveRows}.
 */
export function powerOf(
  n: number,
  { maxDrop, confidence = defaultConfidence }: Budget,
  effective = n,
): PowerFacts {
  const told = Math.floor(effective)
  if (told === 0) {
    return {
      ...{ n, least: null, tolerates: null, toleratesWorse: null, neededWithFlips: null },
      ...{ chance: 0, enough: false, smallestBudget: 1 },
    }
  }
  const plan = { n: told, budget: maxDrop, confidence }
  // Where none of n flips, a drop of b is rejected once (1 - b)^n is at most the level.
  const logLevel = Math.log(1 - confidence)
  const scaled = (rows: number) => Math.ceil((rows * n) / effective)
  const chance = chanceToPass({ ...plan, flipRate: BEGINNING })
  return {
    n,
    least: maxDrop > 0 ? scaled(Math.ceil(logLevel / Math.log1p(-maxDrop))) : null,
    tolerates: maxDrop > 0 ? flipsTolerated(plan) : null,
    toleratesWorse: maxDrop > 0 ? flipsTolerated({ ...plan, worse: 1 }) : null,
    neededWithFlips:
      maxDrop > 0 ? scaled(examplesNeeded({ budget: maxDrop, flipRate: FAR, confidence })) : null,
    chance,
    enough: chance >= 0.5,
    smallestBudget: -Math.expm1(logLevel / told),
  }
}

/**
 * How many rows, each of which counts the same, would tell as much as these where classes are weighed as the budget says: fewer
 * where a class that comes often has few rows, none where it has none.
 */
export function effectiveRows(
  labels: Int32Array,
  { on = 'deployed' }: Pick<Budget, 'on'>,
  traffic: readonly number[] | undefined,
): number {
  const examples = [...labels].map((label) => ({ label, before: true, after: true }))
  const told = (shares: ReadonlyMap<number, number> | undefined) => {
    const { effective, unseen } = weightedDrop(strataOf(examples, shares))
    return unseen > 0 ? 0 : effective
  }
  const deployed = traffic ? told(new Map([...traffic.entries()])) : labels.length
  if (on === 'deployed') return deployed
  const balanced = told(undefined)
  return on === 'balanced' ? balanced : Math.min(deployed, balanced)
}
