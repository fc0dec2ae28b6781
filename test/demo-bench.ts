import { runMetrics } from '../src/measure/metrics.ts'
import { type BenchResult, type RunResult, type ScenarioName, summarise } from '../src/measure/results.ts'

/** A result with invented but plausible numbers, for looking at the report and testing it. Never shown as measured. */
export interface DemoOptions {
  readonly methods?: readonly string[]
  readonly scenarios?: readonly ScenarioName[]
  readonly tasks?: readonly string[]
  readonly seeds?: number
  readonly curves?: boolean
  readonly synthetic?: boolean
}

/** How much of a task's accuracy above chance is left after one more task. */
const keep: Readonly<Record<string, Readonly<Record<ScenarioName, number>>>> = {
  none: { task: 0.93, domain: 0.55, class: 0.01 },
  ewc: { task: 0.995, domain: 0.7, class: 0.03 },
  lwf: { task: 0.997, domain: 0.78, class: 0.08 },
  replay: { task: 0.994, domain: 0.985, class: 0.96 },
}

/** Deterministic noise in [-1, 1]. */
const wobble = (...keys: readonly number[]): number => {
  const mixed = Math.sin(keys.reduce((sum, key, n) => sum + key * (12.9898 + 65.233 * n), 1)) * 43_758.5453
  return 2 * (mixed - Math.floor(mixed)) - 1
}

const stepsPerTask = 400

function demoRun(
  method: string,
  scenario: ScenarioName,
  seed: number,
  count: number,
  curves: boolean,
): RunResult {
  const chance = scenario === 'class' ? 0 : 0.5
  const share = keep[method]?.[scenario] ?? 0.9
  const clip = (value: number) => Math.min(1, Math.max(0, value))
  const peak = (i: number) => 0.985 + 0.01 * wobble(seed, i)
  const future = (seedling: number) =>
    scenario === 'class' ? 0 : clip(chance + 0.05 * wobble(seed, seedling, 3))
  const learned = (i: number, tasksSince: number, dip: number) =>
    clip(chance + (peak(i) - chance) * share ** tasksSince * (1 - dip) + 0.01 * wobble(seed, i, tasksSince))
  const joint = method === 'joint'
  const value = (t: number, i: number): number =>
    joint ? 0.975 + 0.01 * wobble(seed, i) : i > t ? future(7 * t + i) : learned(i, t - i, 0)
  const rows = joint ? [count - 1] : Array.from({ length: count }, (_, t) => t)
  const matrix = rows.map((t) => Array.from({ length: count }, (_, i) => value(t, i)))
  const initial = Array.from({ length: count }, (_, i) => clip((chance || 0.1) + 0.04 * wobble(seed, i, 9)))
  const curve = rows.flatMap((t, row) =>
    Array.from({ length: 21 }, (_, k) => {
      const progress = k / 20
      const rise = 1 - Math.exp(-9 * progress)
      const accuracies = Array.from({ length: count }, (_, i) => {
        const from = row === 0 ? (initial[i] ?? 0) : (matrix[row - 1]?.[i] ?? 0)
        const to = matrix[row]?.[i] ?? 0
        const dip = !joint && i < t ? 0.18 * Math.exp(-(((progress - 0.12) / 0.08) ** 2)) : 0
        const noise = k === 0 || k === 20 ? 0 : 0.012 * wobble(seed, t, i, k)
        return clip(from + (to - from) * (k === 20 ? 1 : rise) - dip * from + noise)
      })
      return {
        step: (joint ? count * progress : t + progress) * stepsPerTask,
        task: joint ? 0 : t,
        accuracies,
      }
    }).filter((_, k) => row === 0 || k > 0),
  )
  const pixels = Array.from({ length: 784 }, (_, n) => {
    const x = (n % 28) - 13.5
    const y = Math.floor(n / 28) - 13.5
    const ring = Math.exp(-((Math.hypot(x, 0.8 * y) - 6) ** 2) / 10)
    return Math.max(0, ring * (1 + 0.5 * wobble(n, 2)) * (Math.hypot(x, y) > 12 ? 0 : 1))
  })
  return {
    benchmark: 'split-mnist',
    method,
    scenario,
    seed,
    ...runMetrics({
      matrix,
      initial,
      ...(curves ? { curve } : {}),
      ...(joint ? {} : { joint: initial.map(() => 0.98) }),
    }),
    matrix,
    initial,
    ...(curves ? { curve } : {}),
    seconds: { train: 8 + seed, consolidate: method === 'ewc' ? 1.4 : 0.02, evaluate: 0.6 },
    ...(method === 'ewc'
      ? {
          importance: {
            layers: [
              { name: 'hidden1.weight', mass: 4.1, parameters: 313_600 },
              { name: 'hidden1.bias', mass: 0.3, parameters: 400 },
              { name: 'hidden2.weight', mass: 9.8, parameters: 160_000 },
              { name: 'hidden2.bias', mass: 0.9, parameters: 400 },
              { name: 'output.weight', mass: 21.5, parameters: 4000 },
              { name: 'output.bias', mass: 1.2, parameters: 10 },
            ],
            pixels: { width: 28, height: 28, values: pixels },
          },
        }
      : {}),
  }
}

export function demoBench(options: DemoOptions = {}): BenchResult {
  const {
    methods = ['none', 'ewc', 'lwf', 'replay', 'joint'],
    scenarios = ['task', 'domain', 'class'],
    tasks = ['0, 1', '2, 3', '4, 5', '6, 7', '8, 9'],
    seeds = 3,
    curves = true,
    synthetic = true,
  } = options
  const results = scenarios.flatMap((scenario) =>
    methods.flatMap((method) =>
      Array.from({ length: seeds }, (_, n) => demoRun(method, scenario, n + 1, tasks.length, curves)),
    ),
  )
  return {
    schema: 1,
    benchmark: 'split-mnist',
    dataset: { name: synthetic ? 'synthetic digits' : 'MNIST', synthetic },
    tasks,
    settings: {
      model: 'mlp 784-400-400-10',
      iterations: stepsPerTask,
      batch: 128,
      optimiser: { name: 'adam', lr: 0.001, beta1: 0.9, beta2: 0.999 },
      ewc: { lambda: 1e9, fisher: 'exact' },
      replay: { perClass: 100 },
    },
    machine: {
      cpu: 'Example CPU @ 2.50GHz',
      cores: 2,
      threads: 2,
      memoryBytes: 8 * 2 ** 30,
      platform: 'linux x64',
      runtime: 'node 20.19.0',
      onnxRuntime: '1.30.0',
      device: 'cpu',
    },
    results,
    summary: summarise(results),
  }
}
