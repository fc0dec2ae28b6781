import type { CurvePoint } from './metrics.ts'
import { mean, sem } from './statistics.ts'
import type { TextRates } from './text-scores.ts'

/** What is known at inference: the task, only the kind of input, or nothing (van de Ven et al. 2022). */
export type ScenarioName = 'task' | 'domain' | 'class'

/** Seconds of wall clock a run spent. */
export interface RunSeconds {
  /** Steps of the optimiser, batches included. */
  readonly train: number
  /** What the method does at the end of a task: Fisher, memory, teacher. */
  readonly consolidate: number
  /** Accuracies. */
  readonly evaluate: number
}

/** Where the importance (Fisher mass) lies. */
export interface ImportanceSummary {
  /** Sum of the importance over each parameter tensor, with how many numbers it has, in the model's order. */
  readonly layers: readonly { readonly name: string; readonly mass: number; readonly parameters: number }[]
  /** Mass of the weights that read each input pixel, row-major, for models whose input is one flat image. */
  readonly pixels?: { readonly width: number; readonly height: number; readonly values: readonly number[] }
}

/** Which protocol a result follows. */
export interface ProtocolMark {
  readonly name: string
  readonly version: number
  /** Over its settings: the words that describe it left out, keys in order. */
  readonly sha256: string
  /** Settings that were not the protocol's, by place. */
  readonly changed?: readonly string[] | undefined
}

/** How rounds of local steps went, where several replicas trained together. */
export interface RoundsRecord {
  readonly rounds: number
  /** Bytes that replicas read and wrote. */
  readonly bytes: number
  /** Rounds that some of them, counted from 0, did not deliver in; each ended at `step` of the task. */
  readonly missed: readonly {
    readonly task: number
    readonly step: number
    readonly replicas: readonly number[]
  }[]
}

/** What the test parts of a stream of texts cost a language model. */
export interface TextsRecord {
  /** Before anything was learned, one a task. */
  readonly initial: readonly TextRates[]
  /** Row = after learning a task, column = task, as the matrix of accuracies. */
  readonly matrix: readonly (readonly TextRates[])[]
}

/** One method on one stream with one seed. Accuracies and figures are fractions; null where not defined. */
export interface RunResult {
  readonly benchmark: string
  readonly protocol?: ProtocolMark | undefined
  readonly method: string
  readonly scenario: ScenarioName
  readonly seed: number
  readonly averageAccuracy: number
  readonly forgetting: number | null
  readonly backwardTransfer: number | null
  readonly forwardTransfer: number | null
  readonly averageIncremental?: number | null
  /** Where borders are not told: mean over all looks of the accuracy on the tasks seen so far. */
  readonly anytimeAccuracy?: number | null
  readonly intransigence?: number | null
  readonly stabilityGap?: number | null
  /** Row = after learning a task, column = task; one row where a method trains on everything at once, or borders are not told. */
  readonly matrix: readonly (readonly number[])[]
  /** Accuracies of the untrained model, one a task. */
  readonly initial: readonly number[]
  /** Of language models: the loss on the same test parts. */
  readonly texts?: TextsRecord | undefined
  readonly curve?: readonly CurvePoint[]
  readonly seconds: RunSeconds
  /** Where several replicas trained together. */
  readonly rounds?: RoundsRecord | undefined
  /** Bytes that the method remembers at the end, beside the model: memories, importances, teachers. */
  readonly storedBytes?: number | undefined
  readonly importance?: ImportanceSummary
}

/** The machine that measured. */
export interface MachineFacts {
  /** Model name of the processor. */
  readonly cpu: string
  readonly cores: number
  /** Threads the runtime was given. */
  readonly threads: number
  readonly memoryBytes?: number
  /** Operating system and architecture, e.g. `linux x64`. */
  readonly platform: string
  /** JavaScript runtime and version, e.g. `node 20.19.0`. */
  readonly runtime: string
  /** Version of ONNX Runtime. */
  readonly onnxRuntime?: string
  /** Where it computed: `cpu`, `webgpu`, `cuda` and so on. */
  readonly device: string
}

/** Mean and standard error over the seeds of a method in a scenario. */
export interface SummaryRow {
  readonly method: string
  readonly scenario: ScenarioName
  /** Mean of the average accuracy, a fraction. */
  readonly mean: number
  /** Null with a single seed: one run says nothing about spread. */
  readonly sem: number | null
  /** How many. */
  readonly seeds: number
}

/** A try of some settings on rows cut from the training data. */
export interface TuningTrial {
  /** What it had in place of the protocol's settings, `learningRate` among them; nothing for these themselves. */
  readonly settings: Readonly<Record<string, number | string | boolean>>
  /** Share of the protocol's steps that it was given. */
  readonly steps: number
  /** Average accuracy at the end, a fraction; null where it did not come to it. */
  readonly score: number | null
}

/** How the settings of a method in a scenario were chosen. */
export interface Tuning {
  readonly method: string
  readonly scenario: ScenarioName
  /** Of the trials: none of the reported ones. */
  readonly seed: number
  /** Share of the training rows that trials were scored on. */
  readonly validationShare: number
  readonly trials: readonly TuningTrial[]
  readonly chosen: TuningTrial['settings']
}

/** A run that a benchmark's result is without. */
export interface MissingRun {
  readonly method: string
  readonly scenario: ScenarioName
  readonly seed: number
  /** In words: that it failed and by what, that it was not begun, or where it stands. */
  readonly why: string
}

/** What `holdfast bench --json` prints and `holdfast report` reads. */
export interface BenchResult {
  /** Version of this format. */
  readonly schema: 1
  readonly benchmark: string
  /** What all runs follow; `changed` names what is not the protocol's in some of them. */
  readonly protocol?: ProtocolMark | undefined
  readonly dataset: { readonly name: string; readonly synthetic: boolean }
  /** Names of the tasks in the order learned. */
  readonly tasks: readonly string[]
  readonly settings: Readonly<Record<string, unknown>>
  readonly machine: MachineFacts
  readonly results: readonly RunResult[]
  readonly summary: readonly SummaryRow[]
  /** Runs that belong to it and are not among the results, where there are such. */
  readonly missing?: readonly MissingRun[] | undefined
  /** Where settings were chosen by trials. */
  readonly tuning?: readonly Tuning[] | undefined
}

/** Results of one method in one scenario, in the order of first appearance. */
export interface ResultGroup {
  readonly method: string
  readonly scenario: ScenarioName
  readonly runs: readonly RunResult[]
}

/**
 * Gathers runs that differ only in their seed.
 *
 * @example groupResults(bench.results).map(({ method, runs }) => [method, runs.length])
 */
export function groupResults(results: readonly RunResult[]): ResultGroup[] {
  const groups = new Map<string, { method: string; scenario: ScenarioName; runs: RunResult[] }>()
  for (const run of results) {
    const key = JSON.stringify([run.scenario, run.method])
    const group = groups.get(key) ?? { method: run.method, scenario: run.scenario, runs: [] }
    group.runs.push(run)
    groups.set(key, group)
  }
  return [...groups.values()]
}

/**
 * Mean and standard error of the average accuracy over seeds, a row for each method and scenario.
 *
 * @example summarise(results) // [{ method: 'ewc', scenario: 'class', mean: 0.2, sem: 0.004, seeds: 5 }]
 */
export function summarise(results: readonly RunResult[]): SummaryRow[] {
  return groupResults(results).map(({ method, scenario, runs }) => {
    const accuracies = runs.map((run) => run.averageAccuracy)
    return { method, scenario, mean: mean(accuracies), sem: sem(accuracies) ?? null, seeds: runs.length }
  })
}
