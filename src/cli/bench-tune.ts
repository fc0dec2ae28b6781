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
import { type LoadedPlan, loadPlan } from '../train/plan/index-files.ts'
import type { QueueSettings } from './queue-client.ts'
import { runPlans } from './bench-runs.ts'
import type { Call, CommonSettings } from './verb.ts'

interface TuneOptions {
  readonly jobs: number
  readonly store: string | undefined
}

/** Runs the trials of a tuning, or takes what the store has of them; undefined where it was stopped. */
export async function tune(
  asked: CommonSettings & QueueSettings,
  call: Call,
  grid: TuneGrid,
  options: TuneOptions,
): Promise<readonly Tuning[] | undefined> {
  const trials = firstTrials(grid)
  // The same rows for all.
  const loaded = await loadPlan(itemAt(trials, 0, 'trial').plan)
  const tried = (round: readonly Trial[]) => roundOf(asked, call, round, { ...options, loaded })
  const first = await tried(trials)
  const second = first && (await tried(secondTrials(first, grid)))
  return second && tunings([...first, ...second])
}

async function roundOf(
  asked: CommonSettings & QueueSettings,
  call: Call,
  trials: readonly Trial[],
  options: TuneOptions & { readonly loaded: LoadedPlan },
): Promise<readonly Tried[] | undefined> {
  if (trials.length === 0) return []
  const plans = trials.map(({ plan }) => plan)
  call.screen.say(`Tuning: ${trials.length} trials on rows cut from the training data.`)
  const outcome = await runPlans(asked, call, { ...options, plans, shard: undefined, listed: false })
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
