import { type BenchResult, type MachineFacts, type RunResult, summarise } from '../../measure/results.ts'
import { type PlanInputs, planStream, type RunPlan } from '../plan/index.ts'

/** Results with what is common to them: data, tasks, settings, machine. */
export function benchResult(
  plans: readonly RunPlan[],
  inputs: PlanInputs,
  machine: MachineFacts,
  results: readonly RunResult[],
): BenchResult {
  const [first] = plans
  const stream = first && planStream(first, inputs.data)
  const names = stream?.tasks.map((task) => task.name) ?? []
  // Where seeds change what a task is, only its place has a name.
  const changing = plans.some((plan) => JSON.stringify(streamNames(plan, inputs)) !== JSON.stringify(names))
  return {
    schema: 1,
    benchmark: first?.name ?? 'none',
    ...commonProtocol(plans),
    dataset: stream?.dataset ?? { name: 'none', synthetic: false },
    tasks: changing ? names.map((_, index) => `task ${index + 1}`) : names,
    settings: commonSettings(plans),
    machine,
    results,
    summary: summarise(results),
  }
}

const streamNames = (plan: RunPlan, inputs: PlanInputs): string[] =>
  planStream(plan, inputs.data).tasks.map((task) => task.name)

/** The protocol of the plans, with all that any of them has instead. */
function commonProtocol(plans: readonly RunPlan[]): Pick<BenchResult, 'protocol'> {
  const protocol = plans[0]?.protocol
  if (!protocol) return {}
  const { name, version, sha256 } = protocol
  const changed = [...new Set(plans.flatMap((plan) => plan.protocol?.changed ?? []))]
  return { protocol: { name, version, sha256, ...(changed.length > 0 && { changed }) } }
}

/** Settings on which all plans agree, and those of each method and scenario. */
function commonSettings(plans: readonly RunPlan[]): Readonly<Record<string, unknown>> {
  const [first] = plans
  if (!first) return {}
  const { method: _, seed: _seed, stream: _stream, protocol: _protocol, ...rest } = first
  const common = Object.fromEntries(
    Object.entries(rest).filter(([key, value]) =>
      plans.every((plan) => JSON.stringify(plan[key as keyof RunPlan]) === JSON.stringify(value)),
    ),
  )
  const methods: Record<string, unknown> = {}
  for (const { method, stream } of plans) methods[`${method.name}, ${stream.scenario}`] = method.options
  const {
    classOrderSeed: _order,
    streamSeed: _streamSeed,
    scenario: _scenario,
    ...stream
  } = first.stream as Record<string, unknown>
  return { ...common, stream, methods }
}
