import { didYouMean, UsageError } from '../../errors.ts'
import { type MethodOptions, methodOptions } from '../../methods/registry.ts'
import type { Scenario } from '../../tasks/stream.ts'
import { type PlanInput, parsePlan, type RunPlan } from '../../train/plan/index.ts'

/** What a caller changes in a protocol; what is undefined stays as published. */
export interface ProtocolOverrides {
  readonly source?: string | undefined
  readonly limit?: { readonly train: number; readonly test: number } | undefined
  readonly tasks?: number | undefined
  readonly iterations?: number | undefined
  readonly jointIterations?: number | undefined
  readonly batchSize?: number | undefined
  readonly learningRate?: number | undefined
  readonly hidden?: readonly number[] | undefined
  readonly optimiser?: 'sgd' | 'adam' | 'adamw' | 'rmsprop' | undefined
  readonly momentum?: number | undefined
  readonly evaluateEvery?: number | undefined
  readonly checkpointEvery?: number | undefined
  readonly threads?: number | undefined
  readonly device?: 'cpu' | 'webgpu' | undefined
  /** Options of methods; each method takes those that it has. */
  readonly options?: MethodOptions
}

/** A published way of measuring. */
export interface Protocol {
  readonly name: string
  /** Where it comes from. */
  readonly source: string
  readonly scenarios: readonly Scenario[]
  readonly hidden: readonly number[]
  readonly iterations: number
  readonly batchSize: number
  readonly optimiser: NonNullable<PlanInput['optimiser']>
  readonly learningRate: number
  readonly stream: (scenario: Scenario, seed: number, tasks: number | undefined) => PlanInput['stream']
  /** Options of a method in a scenario. */
  readonly options: (scenario: Scenario) => MethodOptions
}

const splitLambda: Readonly<Record<Scenario, number>> = { task: 1e5, domain: 1e10, class: 1e9 }

/** The benchmarks known by name, with the settings of the papers they come from. */
export const protocols: readonly Protocol[] = [
  {
    name: 'split-mnist',
    source: 'van de Ven, Tuytelaars & Tolias 2022, Nature Machine Intelligence',
    scenarios: ['task', 'domain', 'class'],
    hidden: [400, 400],
    iterations: 2000,
    batchSize: 128,
    optimiser: { name: 'adam' },
    learningRate: 1e-3,
    stream: (scenario, seed, tasks) => ({
      kind: 'split',
      scenario,
      classesPerTask: tasks === undefined ? 2 : 10 / tasks,
      classOrderSeed: seed,
    }),
    options: (scenario) => ({ lambda: splitLambda[scenario], temperature: 2, perClass: 100 }),
  },
  {
    name: 'permuted-mnist',
    source: 'van de Ven & Tolias 2019, arXiv 1904.07734',
    scenarios: ['domain'],
    hidden: [1000, 1000],
    iterations: 5000,
    batchSize: 128,
    optimiser: { name: 'adam' },
    learningRate: 1e-4,
    stream: (scenario, seed, tasks = 10) => ({
      kind: 'permuted',
      scenario,
      tasks,
      padTo: 32,
      streamSeed: seed,
    }),
    options: () => ({ lambda: 100, fisherSamples: 1000, temperature: 2, perClass: 100 }),
  },
  {
    // Stream, network, batch and epoch are the paper's; rate, lambda and the proximal step were chosen here.
    name: 'rotated-mnist',
    source: 'Buzzega et al. 2020, NeurIPS',
    scenarios: ['domain'],
    hidden: [100, 100],
    // One pass over 60,000 images.
    iterations: 468,
    batchSize: 128,
    optimiser: { name: 'sgd' },
    learningRate: 0.2,
    stream: (scenario, seed, tasks = 20) => ({ kind: 'rotated', scenario, tasks, streamSeed: seed }),
    options: () => ({
      lambda: 100,
      fisherSamples: 1000,
      ewcStep: 'proximal',
      temperature: 2,
      perClass: 50,
      capacity: 500,
    }),
  },
]

/**
 * @throws UsageError `benchmark-unknown`, with the nearest name that there is.
 */
export function protocolNamed(name: string): Protocol {
  const found = protocols.find((protocol) => protocol.name === name)
  if (found) return found
  const known = protocols.map((protocol) => protocol.name)
  throw new UsageError(
    'benchmark-unknown',
    `There is no benchmark "${name}"; known are ${known.join(', ')}.${didYouMean(name, known)}`,
  )
}

/**
 * One run of a benchmark. Joint training takes the same steps at every task, on all data so far: summed over the tasks
 * that is the published "iterations times the number of tasks".
 *
 * @throws UsageError `method-unknown`, `method-option`, and `config` for settings that make no sense.
 * @example
 * const plan = protocolPlan(protocolNamed('split-mnist'), { method: 'ewc', scenario: 'class', seed: 1 })
 */
export function protocolPlan(
  protocol: Protocol,
  run: { readonly method: string; readonly scenario: Scenario; readonly seed: number },
  changed: ProtocolOverrides = {},
): RunPlan {
  const known = methodOptions(run.method)
  // An option left undefined keeps the protocol's value.
  const given = Object.entries(changed.options ?? {}).filter(([, value]) => value !== undefined)
  const merged = Object.entries({ ...protocol.options(run.scenario), ...Object.fromEntries(given) })
  const own = merged.filter(([name]) => name in known)
  const name = changed.optimiser ?? protocol.optimiser.name
  const optimiser = {
    ...(name === protocol.optimiser.name ? protocol.optimiser : { name }),
    ...(changed.momentum === undefined ? {} : { momentum: changed.momentum }),
  }
  const iterations = changed.iterations ?? protocol.iterations
  const optional = {
    evaluateEvery: changed.evaluateEvery,
    checkpointEvery: changed.checkpointEvery,
    threads: changed.threads,
    device: changed.device,
  }
  return parsePlan(
    {
      name: protocol.name,
      data: {
        source: changed.source ?? 'mnist',
        preprocessing: 'unit',
        ...(changed.limit ? { limit: changed.limit } : {}),
      },
      stream: protocol.stream(run.scenario, run.seed, changed.tasks),
      model: { kind: 'mlp', hidden: [...(changed.hidden ?? protocol.hidden)] },
      method: { name: run.method, options: Object.fromEntries(own) },
      optimiser,
      learningRate: changed.learningRate ?? protocol.learningRate,
      iterations: run.method === 'joint' ? (changed.jointIterations ?? iterations) : iterations,
      batchSize: changed.batchSize ?? protocol.batchSize,
      seed: run.seed,
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    },
    `${protocol.name} with these settings`,
  )
}

/**
 * Checks that every option set by the caller is one that some of the methods have.
 *
 * @throws UsageError `option-unused`.
 */
export function checkOptionsUsed(methods: readonly string[], options: MethodOptions): void {
  const known = new Set(methods.flatMap((name) => Object.keys(methodOptions(name))))
  const unused = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || known.has(name) ? [] : [name],
  )
  if (unused.length === 0) return
  throw new UsageError(
    'option-unused',
    `None of the methods ${methods.join(', ')} has the option ${unused.join(', ')}. Leave it out, or add the method it is for.`,
  )
}
