import { groupResults, type RunResult, type ScenarioName } from './results.ts'
import { holm, mean, sem } from './statistics.ts'
import { studentCdf, studentQuantile } from './student.ts'

/** A method beside the others of its scenario, by the average accuracy at the end, on the seeds that all of them have. */
export interface MethodComparison {
  readonly method: string
  readonly scenario: ScenarioName
  /** How many seeds. */
  readonly seeds: number
  /** A fraction. */
  readonly mean: number
  /** Two-sided confidence interval of the mean over seeds, by Student's t, as far as accuracies can be: of few seeds it is wide. */
  readonly interval: readonly [low: number, high: number]
  /** Mean over seeds of its rank among the methods, 1 for the best; equal ones share theirs. */
  readonly rank: number
  /**
   * How far it is behind the method with the highest mean, and the two-sided p of the paired t test over seeds, Holm-corrected over the
   * methods of the scenario; null for that method itself.
   */
  readonly behind: { readonly difference: number; readonly p: number } | null
}

/** Of the interval. */
const CONFIDENCE = 0.95

/**
 * Methods compared over seeds, scenario by scenario, the best first. Joint training is left out: it is what methods are held against, and
 * none of them. Scenarios with fewer than two methods, or two seeds that all have, give nothing.
 *
 * The best is chosen by the same runs, so that a small p says less of it than of two methods that were named before. Runs with one seed share
 * the order of classes and the first weights: that is why they are compared in pairs.
 *
 * @example compareMethods(bench.results).filter(({ behind }) => behind === null || behind.p > 0.05) // not shown to be worse than the best
 */
export function compareMethods(results: readonly RunResult[]): MethodComparison[] {
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))]
  return scenarios.flatMap((scenario) =>
    compareWithin(
      scenario,
      groupResults(results.filter((run) => run.scenario === scenario && run.method !== 'joint')),
    ),
  )
}

function compareWithin(scenario: ScenarioName, groups: ReturnType<typeof groupResults>): MethodComparison[] {
  const bySeed = groups.map(({ method, runs }) => ({
    method,
    scores: new Map(runs.map(({ seed, averageAccuracy }) => [seed, averageAccuracy])),
  }))
  const [first] = bySeed
  const seeds = [...(first?.scores.keys() ?? [])].filter((seed) =>
    bySeed.every(({ scores }) => scores.has(seed)),
  )
  if (bySeed.length < 2 || seeds.length < 2) return []
  const methods = bySeed
    .map(({ method, scores }) => ({ method, values: seeds.map((seed) => scores.get(seed) ?? Number.NaN) }))
    .sort((a, b) => mean(b.values) - mean(a.values))
  const [best, ...others] = methods
  if (!best) return []
  const tests = others.map(({ values }) => pairedT(best.values, values))
  const corrected = holm(tests.map(({ p }) => p))
  return methods.map(({ method, values }, at) => ({
    ...{ method, scenario, seeds: seeds.length, mean: mean(values), interval: intervalOf(values) },
    rank: mean(
      seeds.map((_, seed) =>
        rankAmong(
          values[seed] ?? Number.NaN,
          methods.map((other) => other.values[seed] ?? Number.NaN),
        ),
      ),
    ),
    behind:
      at === 0 ? null : { difference: tests[at - 1]?.difference ?? Number.NaN, p: corrected[at - 1] ?? 1 },
  }))
}

/** The paired t test of equal means, two-sided. */
function pairedT(first: readonly number[], second: readonly number[]) {
  const differences = first.map((value, at) => value - (second[at] ?? Number.NaN))
  const difference = mean(differences)
  const error = sem(differences) ?? Number.NaN
  // Differences that are all one number leave nothing to chance.
  if (error === 0) return { difference, p: difference === 0 ? 1 : 0 }
  return { difference, p: 2 * (1 - studentCdf(Math.abs(difference / error), differences.length - 1)) }
}

function intervalOf(values: readonly number[]): readonly [number, number] {
  const half = studentQuantile((1 + CONFIDENCE) / 2, values.length - 1) * (sem(values) ?? Number.NaN)
  // Of numbers the score is R^2, which alone may be below 0.
  const least = values.some((value) => value < 0) ? Number.NEGATIVE_INFINITY : 0
  return [Math.max(least, mean(values) - half), Math.min(1, mean(values) + half)]
}

/** 1 for the largest; equal values share the mean of their places. */
function rankAmong(value: number, all: readonly number[]): number {
  const better = all.filter((other) => other > value).length
  const equal = all.filter((other) => other === value).length
  return better + (equal + 1) / 2
}
