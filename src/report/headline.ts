import { count } from '../count.ts'
import { points } from '../measure/points.ts'
import { type BenchResult, groupResults, type ResultGroup, type ScenarioName } from '../measure/results.ts'
import { mean, sem } from '../measure/statistics.ts'
import { itemAt } from '../required.ts'
import { capitalise, meanAndError, methodName } from './figures/index.ts'

/** The result in words. */
export interface Headline {
  /** One sentence. */
  readonly title: string
  /** What stands behind it, one or two sentences. */
  readonly detail: string
}

/** Hardest first: where forgetting shows most. */
const hardest: readonly ScenarioName[] = ['class', 'domain', 'task']

/** Below so many points a difference is not news. */
const worthSaying = 0.05

const averageOf = (group: ResultGroup): number => mean(group.runs.map((run) => run.averageAccuracy))
const whole = (fraction: number): string => points(fraction, 0)

/** Mean over seeds of a task-1 figure, for runs that learned task by task. */
function firstTask(group: ResultGroup): { learned: number; kept: number } | undefined {
  const runs = group.runs.filter((run) => run.matrix.length > 1)
  const learned = runs.map((run) => run.matrix[0]?.[0] ?? Number.NaN)
  const kept = runs.map((run) => run.matrix.at(-1)?.[0] ?? Number.NaN)
  return runs.length === 0 ? undefined : { learned: mean(learned), kept: mean(kept) }
}

/** Is the one better than the other by more than worth saying and than twice the noise between seeds? */
function clearlyBetter(one: ResultGroup, other: ResultGroup): boolean {
  const error = (group: ResultGroup) => sem(group.runs.map((run) => run.averageAccuracy)) ?? 0
  const gain = averageOf(one) - averageOf(other)
  return gain > worthSaying && gain > 2 * Math.hypot(error(one), error(other))
}

function sentence(bench: BenchResult, groups: readonly ResultGroup[]): string {
  const contenders = groups.filter(({ method }) => method !== 'none' && method !== 'joint')
  const best = [...contenders].sort((a, b) => averageOf(b) - averageOf(a))[0]
  const plain = groups.find((group) => group.method === 'none')
  const baseline = plain === undefined ? undefined : firstTask(plain)
  const name = `“${bench.tasks[0] ?? 'task 1'}”, the first task`
  if (plain === undefined || baseline === undefined) {
    const shown = best ?? groups[0]
    if (shown === undefined) return 'No results.'
    const first = firstTask(shown)
    const average = `${capitalise(methodName(shown.method))} ends at ${whole(averageOf(shown))} % on average`
    return first === undefined
      ? `${average}.`
      : `${average}: of ${whole(first.learned)} points on ${name}, ${whole(first.kept)} are left.`
  }
  const lost = baseline.learned - baseline.kept
  if (lost < worthSaying) {
    const lead =
      best !== undefined && clearlyBetter(best, plain)
        ? `; ${methodName(best.method)} is best on average`
        : ''
    return `Little was forgotten: fine-tuning ends at ${whole(baseline.kept)} points on ${name}, after ${whole(baseline.learned)}${lead}.`
  }
  const forgot = `Fine-tuning forgot ${whole(lost)} of its ${whole(baseline.learned)} points on ${name}`
  if (best === undefined) return `${forgot}.`
  const kept = firstTask(best)?.kept
  if (kept === undefined || !clearlyBetter(best, plain)) {
    const tried =
      contenders.length === 1 ? methodName(best.method) : `any of the ${contenders.length} methods tried`
    return `${forgot}; ${contenders.length === 1 ? `${tried} did not prevent it` : `not clearly prevented by ${tried}`}.`
  }
  return `${forgot}; ${methodName(best.method)} kept ${whole(kept)}.`
}

/**
 * What a result says, in words for people who have no time: what fine-tuning lost on the first task and what the best method kept,
 * in the hardest scenario measured. Methods that are not clearly better (5 points, twice the noise between seeds) are not praised.
 *
 * @example headline(bench).title // 'Fine-tuning forgot 98 of its 99 points on “0/1”, the first task; replay kept 92.'
 */
export function headline(bench: BenchResult): Headline {
  const all = groupResults(bench.results)
  const scenario = hardest.find((candidate) => all.some((group) => group.scenario === candidate)) ?? 'task'
  const groups = all.filter((group) => group.scenario === scenario)
  const title = sentence(bench, groups)
  const ranked = [...groups].sort((a, b) => averageOf(b) - averageOf(a))
  const list = ranked.map(
    (
      group, // Unbroken, so that no line ends between a number and its error.
    ) =>
      `${methodName(group.method)} ${meanAndError(group.runs.map((run) => run.averageAccuracy))}`.replaceAll(
        ' ',
        '\u00a0',
      ),
  )
  const seeds = [...new Set(groups.map((group) => group.runs.length))].sort((a, b) => a - b)
  const trials =
    seeds.length === 1 && seeds[0] === 1
      ? 'One seed each: repeat with more before trusting small differences.'
      : `${seeds.length === 1 ? count(itemAt(seeds, 0, 'seed'), 'seed') : `${seeds[0]} to ${seeds.at(-1)} seeds`} each, ± is one standard error.`
  const scope = `${capitalise(scenario)}-incremental, ${count(bench.tasks.length, 'task')} of ${bench.dataset.name}`
  return {
    title,
    detail:
      list.length === 0 ? '' : `${scope}. Average accuracy at the end in %: ${list.join(', ')}. ${trials}`,
  }
}
