import { defaultConfidence } from '../../measure/confidence.ts'
import { examplesNeeded } from '../../measure/paired.ts'
import { weightedDrop } from '../../measure/weighted-drop.ts'
import { strataOf } from '../../measure/weighted-verdict.ts'
import type { Budget, PowerFacts } from './points.ts'

/**
 * Whether so many rows to prove on can show the budget, before anything is known of how they will flip.
 *
 * @param effective So many rows would tell as much, were each to count the same; default all of them. See {@link effectiveRows}.
 */
export function powerOf(
  n: number,
  { maxDrop, confidence = defaultConfidence }: Budget,
  effective = n,
): PowerFacts {
  if (effective === 0) return { n, needed: null, neededWithFlips: null, enough: false, smallestBudget: 1 }
  const needed = (budget: number, flipRate: number) =>
    Math.ceil((examplesNeeded({ budget, flipRate, confidence }) * n) / effective)
  const least = maxDrop > 0 ? needed(maxDrop, maxDrop) : null
  // The number of rows falls as the budget grows: halve the interval that the smallest budget lies in.
  let [low, high] = [0, 1]
  for (let step = 0; step < 20; step++) {
    const middle = (low + high) / 2
    if (needed(middle, middle) <= n) high = middle
    else low = middle
  }
  return {
    n,
    needed: least,
    neededWithFlips: maxDrop > 0 ? needed(maxDrop, Math.max(maxDrop, 0.05)) : null,
    enough: least !== null && n >= least,
    smallestBudget: high,
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
