import type { RunResult, Tuning, TuningTrial } from '../../measure/results.ts'
import { itemAt } from '../../required.ts'
import type { Scenario } from '../../tasks/stream.ts'
import { randomStream } from '../../tensor/random.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import { type BenchmarkGrid, benchmarkPlans } from '../grid/index.ts'
import { type ProtocolOverrides, protocolPlan } from '../protocols/index.ts'
import { candidates, searchSpace, type TrialSettings } from './candidates.ts'

/** Share of the training rows that trials are scored on. */
export const VALIDATION_SHARE = 0.1
/** With so many trials and more all begin with a share of the steps, and the best of them have all. */
const HALVED_FROM = 8
const FIRST_STEPS = 0.25
const GO_ON = 0.25

/** `seeds` are those of the runs that are reported. */
export interface TuneGrid extends BenchmarkGrid {
  readonly changed: ProtocolOverrides
  /** Trials of each method in each scenario. */
  readonly trials: number
}

/** A trial of a method in a scenario, and what it came to. */
export interface Trial {
  readonly method: string
  readonly scenario: Scenario
  readonly settings: TrialSettings
  readonly plan: RunPlan
  /** Share of the protocol's steps. */
  readonly steps: number
}

/** A trial that was run; no result where it failed. */
export interface Tried extends Trial {
  readonly result: RunResult | undefined
}

/**
 * The first trials of all methods: as many of each, on rows cut from the training data, with a seed that is not reported.
 *
 * @throws UsageError as {@link protocolPlan} does.
 */
export function firstTrials(grid: TuneGrid): Trial[] {
  const { protocol, methods, scenarios, changed } = grid
  const seed = tuningSeed(grid.seeds)
  const share = grid.trials >= HALVED_FROM ? FIRST_STEPS : 1
  return scenarios.flatMap((scenario) =>
    methods.flatMap((method) => {
      const base = protocolPlan(protocol, { method, scenario, seed }, changed)
      const space = searchSpace(method, { learningRate: base.learningRate, fixed: settled(changed) })
      const random = randomStream(seed, `tune/${method}/${scenario}`)
      return candidates(space, grid.trials, random).map((settings): Trial => {
        const { plan, steps } = shortened(withSettings(base, settings), share)
        return { method, scenario, settings, steps, plan: onValidation(plan) }
      })
    }),
  )
}

/** Trials that go on to all steps after a short round: the best quarter of each method, and the protocol's own settings. */
export function secondTrials(tried: readonly Tried[], grid: TuneGrid): Trial[] {
  if (tried.every(({ steps }) => steps === 1)) return []
  return contests(tried).flatMap((contest) => {
    const ranked = [...contest].sort((a, b) => scoreOf(b) - scoreOf(a))
    const best = ranked.slice(0, Math.max(1, Math.round(GO_ON * contest.length)))
    return contest
      .filter((trial, at) => at === 0 || best.includes(trial))
      .map(({ result: _, ...trial }): Trial => {
        const { method, scenario, settings } = trial
        const run = { method, scenario, seed: trial.plan.seed }
        const whole = withSettings(protocolPlan(grid.protocol, run, grid.changed), settings)
        return { ...trial, steps: 1, plan: onValidation(whole) }
      })
  })
}

/** What was tried and chosen, a method and scenario each: the best of the trials with all steps, of equals the first. */
export function tunings(tried: readonly Tried[]): Tuning[] {
  return contests(tried).map((contest) => {
    const { method, scenario, plan } = itemAt(contest, 0, 'trial')
    const whole = contest.filter(({ steps }) => steps === 1)
    const best = whole.reduce((one, other) => (scoreOf(other) > scoreOf(one) ? other : one))
    return {
      ...{ method, scenario, seed: plan.seed, validationShare: VALIDATION_SHARE },
      trials: contest.map(
        ({ settings, steps, result }): TuningTrial => ({
          ...{ settings, steps, score: result?.averageAccuracy ?? null },
        }),
      ),
      chosen: best.settings,
    }
  })
}

/** The runs that are reported, each method with what was chosen for it, where something was. */
export const tunedPlans = (grid: BenchmarkGrid, found: readonly Tuning[]): RunPlan[] =>
  benchmarkPlans(grid).map((plan) => {
    const { method, stream } = plan
    const tuning = found.find((each) => each.method === method.name && each.scenario === stream.scenario)
    return tuning ? withSettings(plan, tuning.chosen) : plan
  })

/** The first seed from 1000 on that is not reported. */
function tuningSeed(seeds: readonly number[]): number {
  let seed = 1000
  while (seeds.includes(seed)) seed++
  return seed
}

/** What whoever asks has said: it is not looked for. */
const settled = ({ learningRate, options = {} }: ProtocolOverrides): ReadonlySet<string> =>
  new Set([
    ...(learningRate === undefined ? [] : ['learningRate']),
    ...Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  ])

function withSettings(plan: RunPlan, { learningRate, ...options }: TrialSettings): RunPlan {
  return {
    ...plan,
    // A rate is always a number: it has a range.
    learningRate: typeof learningRate === 'number' ? learningRate : plan.learningRate,
    method: { ...plan.method, options: { ...plan.method.options, ...options } },
  }
}

/** Of a plan's steps or whole passes a share, and which share that came to be. */
function shortened(plan: RunPlan, share: number): { readonly plan: RunPlan; readonly steps: number } {
  const { iterations, epochs = 1 } = plan
  const all = iterations ?? epochs
  const part = Math.max(1, Math.ceil(all * share))
  const cut = iterations === undefined ? { epochs: part } : { iterations: part }
  return { plan: { ...plan, ...cut }, steps: part / all }
}

const onValidation = (plan: RunPlan): RunPlan => ({
  ...plan,
  data: { ...plan.data, validationShare: VALIDATION_SHARE },
})

/** Trials of one method in one scenario, in the order of their first. */
function contests<T extends Trial>(trials: readonly T[]): T[][] {
  const found = new Map<string, T[]>()
  for (const trial of trials) {
    const key = JSON.stringify([trial.method, trial.scenario])
    found.set(key, [...(found.get(key) ?? []), trial])
  }
  return [...found.values()]
}

/** One that did not come to its end is behind all others. */
const scoreOf = ({ result }: Tried): number => result?.averageAccuracy ?? Number.NEGATIVE_INFINITY
