import { binomialCdf, binomialPmf } from './binomial.ts'
import { checkedConfidence } from './confidence.ts'
import { dropTail } from './drop-test.ts'
import { checkBudget } from './paired.ts'
import { normalCdf } from './statistics.ts'

/** What is tested, and how answers change. */
export interface PassPlan {
  /** How many examples. */
  readonly n: number
  /** The drop allowed, a fraction. */
  readonly budget: number
  /** Share of examples whose rightness changes, either way. */
  readonly flipRate: number
  /** Of these, the share that changes for the worse; default half, which is a drop of 0. */
  readonly worse?: number | undefined
  /** One-sided, default 0.95. */
  readonly confidence?: number | undefined
}

/** From so many flips on how many of them are for the worse is near enough to normal. */
const MANY_FLIPS = 200

/**
 * The chance that {@link nonInferiority} passes: over f flips the sum of P(f of n) P(B <= c of f), with c the most negative flips of f that
 * pass. `examplesNeeded` turns the same question round by a normal approximation, which is too gloomy where few answers change.
 *
 * @returns from 0 to 1
 * @throws UsageError `budget-range`, `confidence-range`.
 * @example chanceToPass({ n: 722, budget: 0.01, flipRate: 0 }) // 1: 299 examples without a flip show a point
 */
export function chanceToPass({ n, budget, flipRate, worse = 0.5, confidence }: PassPlan): number {
  checkBudget(budget)
  const level = 1 - checkedConfidence(confidence)
  const passes = (negative: number, flips: number) =>
    dropTail({ negative, positive: flips - negative, total: n }, budget) <= level
  const centre = n * flipRate
  const spread = 6 * Math.sqrt(centre * (1 - flipRate)) + 6
  const from = Math.max(0, Math.floor(centre - spread))
  const to = Math.min(n, Math.ceil(centre + spread))
  // The most that pass, of so many flips: a flip more shifts it by one at most, so that each is sought from the last one on.
  let most = Math.ceil(from / 2)
  let sum = 0
  for (let flips = from; flips <= to; flips++) {
    while (most < flips && passes(most + 1, flips)) most++
    while (most >= 0 && (most > flips || !passes(most, flips))) most--
    sum += binomialPmf(flips, n, flipRate) * atMost(most, flips, worse)
  }
  return Math.min(1, sum)
}

function atMost(most: number, flips: number, worse: number): number {
  if (most < 0) return 0
  if (flips < MANY_FLIPS || worse === 1) return binomialCdf(most, flips, worse)
  return normalCdf((most + 0.5 - flips * worse) / Math.sqrt(flips * worse * (1 - worse)))
}

/** The chance that a plan is made for. */
const POWER = 0.8

/**
 * The largest share of examples that may change while the test still passes in 80 % of cases; null where it does not even if none does.
 *
 * @example flipsTolerated({ n: 722, budget: 0.01 }) // about 0.009
 */
export function flipsTolerated(plan: Omit<PassPlan, 'flipRate'>): number | null {
  const enough = (flipRate: number) => chanceToPass({ ...plan, flipRate }) >= POWER
  if (!enough(0)) return null
  let [low, high] = [0, plan.budget]
  while (high < 1 && enough(high)) {
    low = high
    high = Math.min(1, 2 * high)
  }
  // To a fiftieth of itself: nobody reads more.
  while (high - low > high / 50) {
    const middle = (low + high) / 2
    if (enough(middle)) low = middle
    else high = middle
  }
  return low
}
