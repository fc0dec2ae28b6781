import type { Engine } from '../../engine/engine.ts'
import { HoldfastError } from '../../errors.ts'
import { intransigence } from '../../measure/metrics.ts'
import type { BenchResult, MachineFacts, MissingRun, RunResult } from '../../measure/results.ts'
import { itemAt } from '../../required.ts'
import type { Scenario } from '../../tasks/stream.ts'
import { benchResult, executePlan, type RunEnd, type RunEvent } from '../../train/folders/index.ts'
import { type PlanInputs, type PreparedPlan, preparePlan, type RunPlan } from '../../train/plan/index.ts'
import type { LearnEvent } from '../../train/run/index.ts'
import { checkOptionsUsed, type Protocol, type ProtocolOverrides, protocolPlan } from '../protocols/index.ts'
import { concurrently } from './concurrent.ts'

/** What a benchmark says while it goes. `run` counts in the order of the plans. */
export type BenchEvent =
  | { readonly type: 'run-started'; readonly run: number; readonly plan: RunPlan }
  | { readonly type: 'run-event'; readonly run: number; readonly plan: RunPlan; readonly event: LearnEvent }
  | {
      readonly type: 'run-finished'
      readonly run: number
      readonly plan: RunPlan
      readonly result: RunResult
      /** Whether it was finished before, and is taken from a store. */
      readonly kept: boolean
    }
  /** Somebody else does this run; `message` says who. */
  | { readonly type: 'run-elsewhere'; readonly run: number; readonly plan: RunPlan; readonly message: string }
  | { readonly type: 'run-interrupted'; readonly run: number; readonly plan: RunPlan }
  /** The others go on. */
  | {
      readonly type: 'run-failed'
      readonly run: number
      readonly plan: RunPlan
      readonly error: HoldfastError
    }

/** Runs one plan: in memory, in a store, on a thread, on another machine. */
export type RunOne = (
  plan: RunPlan,
  /** Of use to who runs it in this thread. */
  prepare: () => PreparedPlan,
  signal: AbortSignal | undefined,
) => AsyncGenerator<RunEvent, RunEnd>

export interface GridOptions {
  readonly plans: readonly RunPlan[]
  readonly inputs: PlanInputs
  readonly engine: Engine
  readonly machine: MachineFacts
  /** Runs at a time. Default 1. Results do not depend on it. */
  readonly jobs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Default: in memory. */
  readonly run?: RunOne | undefined
}

/** A benchmark's results, and what is missing from them. */
export interface BenchOutcome {
  readonly bench: BenchResult
  readonly failures: readonly { readonly plan: RunPlan; readonly error: HoldfastError }[]
  /** Runs that the signal stopped or kept from beginning. */
  readonly unfinished: number
}

/** Every plan run once; results in the order of the plans. */
export async function* runGrid(options: GridOptions): AsyncGenerator<BenchEvent, BenchOutcome> {
  const { plans, inputs, engine, machine, signal } = options
  const run: RunOne =
    options.run ?? ((plan, prepare, stop) => executePlan(plan, prepare(), { engine, signal: stop }))
  const results: (RunResult | undefined)[] = plans.map(() => undefined)
  const failures: { plan: RunPlan; error: HoldfastError }[] = []
  const one = (plan: RunPlan, index: number) =>
    async function* (): AsyncGenerator<BenchEvent, void> {
      const common = { run: index, plan }
      yield { type: 'run-started', ...common }
      try {
        const events = run(plan, () => preparePlan(plan, inputs), signal)
        let next = await events.next()
        while (!next.done) {
          const event = next.value
          if (event.type === 'elsewhere') yield { type: 'run-elsewhere', ...common, message: event.message }
          else yield { type: 'run-event', ...common, event }
          next = await events.next()
        }
        if (next.value.status === 'interrupted') {
          yield { type: 'run-interrupted', ...common }
          return
        }
        const { result, kept = false } = next.value
        results[index] = result
        yield { type: 'run-finished', ...common, result, kept }
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error
        failures.push({ plan, error })
        yield { type: 'run-failed', ...common, error }
      }
    }
  yield* concurrently(plans.map(one), options.jobs ?? 1, () => signal?.aborted ?? false)
  const found = withIntransigence(results.filter((result) => result !== undefined))
  const missing = plans.flatMap((plan, at): MissingRun[] => {
    if (results[at]) return []
    const failure = failures.find((each) => each.plan === plan)
    const { method, stream, seed } = plan
    const why = failure ? failedWords(failure.error) : 'not finished'
    return [{ method: method.name, scenario: stream.scenario, seed, why }]
  })
  return {
    bench: { ...benchResult(plans, inputs, machine, found), ...(missing.length > 0 && { missing }) },
    failures,
    unfinished: plans.length - found.length - failures.length,
  }
}

/** Why a run is missing that failed. */
export const failedWords = ({ message }: { readonly message: string }): string => `failed. ${message}`

/** Joint training's accuracies are what intransigence is measured from, where it was among the methods. */
export function withIntransigence(results: readonly RunResult[]): RunResult[] {
  return results.map((result) => {
    const joint = results.find(
      (other) => other.method === 'joint' && other.scenario === result.scenario && other.seed === result.seed,
    )
    const best = joint?.matrix.map((row, task) => itemAt(row, task, 'accuracy of joint training on task'))
    if (!best || best.length !== result.matrix.length || result.method === 'joint') return result
    return { ...result, intransigence: intransigence(result.matrix, best) }
  })
}

/** Which runs a benchmark is made of. */
export interface BenchmarkGrid {
  readonly protocol: Protocol
  readonly methods: readonly string[]
  readonly scenarios: readonly Scenario[]
  readonly seeds: readonly number[]
  readonly changed?: ProtocolOverrides
}

/**
 * The plans of a benchmark: every method in every scenario with every seed. Seeds go outermost, so that a benchmark that
 * is stopped has whole comparisons.
 *
 * @throws UsageError as {@link protocolPlan} does; `option-unused` for an option that none of the methods has.
 */
export function benchmarkPlans({
  protocol,
  methods,
  scenarios,
  seeds,
  changed = {},
}: BenchmarkGrid): RunPlan[] {
  checkOptionsUsed(methods, changed.options ?? {})
  return seeds.flatMap((seed) =>
    scenarios.flatMap((scenario) =>
      methods.map((method) => protocolPlan(protocol, { method, scenario, seed }, changed)),
    ),
  )
}
