import type { Tuning } from '../measure/results.ts'
import { itemAt } from '../required.ts'
import type { BenchOutcome } from '../study/grid/index.ts'
import {
  firstTrials,
  secondTrials,
  type Trial,
  type Tried,
  type TuneGrid,
  tunings,
} from '../study/tune/index.ts'
import type { RunPlan } from '../train/plan/index.ts'
import { loadPlan } from '../train/plan/index-files.ts'
import type { QueueSettings } from './bench-queue.ts'
import { runPlans } from './bench-runs.ts'
import type { Call, CommonSettings } from './verb.ts'

interface TuneOptions {
  readonly grid: TuneGrid
  /** Names the data that were really taken. */
  readonly withSource: (plan: RunPlan) => RunPlan
  readonly jobs: number
  readonly store: string | undefined
}

/** Runs the trials of a tuning, or takes what the store has of them; undefined where it was stopped. */
export async function tune(
  asked: CommonSettings & QueueSettings,
  call: Call,
  { grid, ...options }: TuneOptions,
): Promise<readonly Tuning[] | undefined> {
  const first = await tried(asked, call, firstTrials(grid), options)
  const second = first && (await tried(asked, call, secondTrials(first, grid), options))
  return second && tunings([...first, ...second])
}

async function tried(
  asked: CommonSettings & QueueSettings,
  call: Call,
  trials: readonly Trial[],
  { withSource, jobs, store }: Omit<TuneOptions, 'grid'>,
): Promise<readonly Tried[] | undefined> {
  if (trials.length === 0) return []
  const plans = trials.map(({ plan }) => withSource(plan))
  call.screen.say(`Tuning: ${trials.length} trials on rows cut from the training data.`)
  const loaded = await loadPlan(itemAt(plans, 0, 'trial'))
  const outcome = await runPlans(asked, call, { plans, loaded, jobs, store, shard: undefined, listed: false })
  if (outcome.unfinished > 0) return undefined
  const results = resultsOf(outcome, plans)
  return trials.map((trial, at) => ({ ...trial, result: results[at] }))
}

/** A result for each plan, in order; none for those that failed. */
function resultsOf({ bench, failures }: BenchOutcome, plans: readonly RunPlan[]) {
  const failed = new Set(failures.map(({ plan }) => plan))
  let next = 0
  return plans.map((plan) => (failed.has(plan) ? undefined : bench.results[next++]))
}
