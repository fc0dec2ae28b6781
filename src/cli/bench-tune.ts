import { count } from '../count.ts'
import { UsageError } from '../errors.ts'
import type { Tuning } from '../measure/results.ts'
import { itemAt } from '../required.ts'
import { type BenchOutcome, fromShard, type Shard } from '../study/grid/index.ts'
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
import { runPlans } from './bench-runs.ts'
import type { QueueSettings } from './queue-client.ts'
import type { Call, CommonSettings } from './verb.ts'

interface TuneOptions {
  readonly jobs: number
  readonly store: string | undefined
  /** Which trials to begin with. Every part needs what all trials come to. Default the first. */
  readonly shard: Shard | undefined
}

/** Runs the trials of a tuning, or takes what the store has of them; undefined where it was stopped. */
export async function tune(
  asked: CommonSettings & QueueSettings,
  call: Call,
  grid: TuneGrid,
  options: TuneOptions,
): Promise<readonly Tuning[] | undefined> {
  const trials = firstTrials(grid)
  checkChoice(trials, grid, call)
  // The same rows for all.
  const loaded = await loadPlan(itemAt(trials, 0, 'trial').plan)
  const tried = (round: readonly Trial[]) => roundOf(asked, call, round, { ...options, loaded })
  const first = await tried(trials)
  const second = first && (await tried(secondTrials(first, grid)))
  return second && tunings([...first, ...second])
}

/**
 * Says of which methods nothing is chosen, as all that would be is given.
 *
 * @throws UsageError `option-unused` where that is so of all.
 */
function checkChoice(trials: readonly Trial[], { methods }: TuneGrid, { screen }: Call): void {
  const settled = methods.filter((name) =>
    trials.every(({ method, settings }) => method !== name || Object.keys(settings).length === 0),
  )
  if (settled.length === methods.length) {
    throw new UsageError(
      'option-unused',
      `--tune has nothing to choose: ${methods.join(', ')} has no setting to look for that no flag gives, or there is one trial alone. Leave out --tune or some of the flags, or ask for more trials.`,
    )
  }
  for (const name of settled)
    screen.warn(`note: of ${name} nothing is chosen: it has no setting to look for that no flag gives.`)
}

async function roundOf(
  asked: CommonSettings & QueueSettings,
  call: Call,
  trials: readonly Trial[],
  options: TuneOptions & { readonly loaded: LoadedPlan },
): Promise<readonly Tried[] | undefined> {
  if (trials.length === 0) return []
  const { shard } = options
  const inOrder = trials.map(({ plan }) => plan)
  const plans = shard ? fromShard(inOrder, shard) : inOrder
  call.screen.say(`Tuning: ${count(trials.length, 'trial')} on rows cut from the training data.`)
  const outcome = await runPlans(asked, call, { ...options, plans, shard: undefined, listed: false })
  if (outcome.unfinished > 0) return undefined
  const results = resultsOf(outcome, plans)
  return trials.map((trial) => ({ ...trial, result: results.get(trial.plan) }))
}

/** The results of plans in their order; of those that failed there is none. */
function resultsOf({ bench, failures }: BenchOutcome, plans: readonly RunPlan[]) {
  const failed = new Set(failures.map(({ plan }) => plan))
  const done = plans.filter((plan) => !failed.has(plan))
  return new Map(done.map((plan, at) => [plan, bench.results[at]] as const))
}
