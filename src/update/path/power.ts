import { defaultConfidence } from '../../measure/confidence.ts'
import { examplesNeeded } from '../../measure/paired.ts'
import type { Budget, PowerFacts } from './points.ts'

/** Whether so many rows to check on can show the budget, before anything is known of how they will flip. */
export function powerOf(n: number, { maxDrop, confidence = defaultConfidence }: Budget): PowerFacts {
  const needed = (budget: number, flipRate: number) => examplesNeeded({ budget, flipRate, confidence })
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
