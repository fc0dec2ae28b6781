import { count } from '../count.ts'
import type { BenchResult, ResultGroup, RunResult } from '../measure/results.ts'
import { mean } from '../measure/statistics.ts'
import { capitalise, duration, meanAndError, methodTitle, type TableData } from './figures/index.ts'
import { protocolTitle } from './protocol-title.ts'

interface Column {
  readonly title: string
  readonly meaning: string
  readonly value: (run: RunResult) => number | null | undefined
}

/** The figures of a run, in the order of the table, in points. */
export const metricColumns: readonly Column[] = [
  {
    title: 'Average accuracy',
    meaning: 'mean accuracy over all tasks after the last one',
    value: (run) => run.averageAccuracy,
  },
  {
    title: 'Forgetting',
    meaning: 'points lost on earlier tasks, from the best they ever had (less is better)',
    value: (run) => run.forgetting,
  },
  {
    title: 'Backward transfer',
    meaning: 'what later tasks did to earlier ones, from right after each was learned (negative is loss)',
    value: (run) => run.backwardTransfer,
  },
  {
    title: 'Forward transfer',
    meaning: 'head start on a task from those learned before it',
    value: (run) => run.forwardTransfer,
  },
  {
    title: 'Incremental accuracy',
    meaning: 'accuracy on the tasks seen so far, averaged over the stream',
    value: (run) => run.averageIncremental,
  },
  {
    title: 'Anytime accuracy',
    meaning: 'accuracy on the tasks seen so far, averaged over all looks of a stream without borders',
    value: (run) => run.anytimeAccuracy,
  },
  {
    title: 'Intransigence',
    meaning: 'how much worse a new task is learned than by joint training',
    value: (run) => run.intransigence,
  },
  {
    title: 'Stability gap',
    meaning: 'deepest fall of an old task while a new one was learned, even if it came back',
    value: (run) => run.stabilityGap,
  },
]

/** Columns that some run has a value for. */
export const presentColumns = (groups: readonly ResultGroup[]): readonly Column[] =>
  metricColumns.filter(({ value }) =>
    groups.some((group) => group.runs.some((run) => value(run) !== null && value(run) !== undefined)),
  )

/** All figures of each method, mean ± standard error in points, with seeds and time. */
export function metricsTable(groups: readonly ResultGroup[], caption: string): TableData {
  const columns = presentColumns(groups)
  const kept = groups.some(({ runs }) => runs.some(({ storedBytes }) => storedBytes !== undefined))
  return {
    caption,
    head: [
      'Method',
      ...columns.map((column) => column.title),
      'Seeds',
      'Time a run',
      ...(kept ? ['Kept'] : []),
    ],
    rows: groups.map((group) => [
      methodTitle(group.method),
      ...columns.map((column) => meanAndError(group.runs.map(column.value)) ?? '–'),
      String(group.runs.length),
      duration(mean(group.runs.map(({ seconds }) => seconds.train + seconds.consolidate + seconds.evaluate))),
      ...(kept ? [megabytes(group.runs)] : []),
    ]),
  }
}

/** What methods remember beside the model, mean over runs; runs of older versions do not say. */
function megabytes(runs: readonly RunResult[]): string {
  const known = runs.flatMap(({ storedBytes }) => storedBytes ?? [])
  return known.length === 0 ? '–' : `${(mean(known) / 1e6).toFixed(2)} MB`
}

/** Average accuracy of each method in each scenario. */
export function overviewTable(groups: readonly ResultGroup[]): TableData {
  const scenarios = [...new Set(groups.map((group) => group.scenario))]
  const methods = [...new Set(groups.map((group) => group.method))]
  return {
    caption: 'Average accuracy at the end, %, mean ± standard error',
    head: ['Method', ...scenarios.map((scenario) => `${capitalise(scenario)}-incremental`)],
    rows: methods.map((method) => [
      methodTitle(method),
      ...scenarios.map((scenario) => {
        const group = groups.find((one) => one.method === method && one.scenario === scenario)
        return meanAndError(group?.runs.map((run) => run.averageAccuracy) ?? []) ?? '–'
      }),
    ]),
  }
}

/** Where the time went, mean of the seeds. */
export function secondsTable(groups: readonly ResultGroup[]): TableData {
  const parts = ['train', 'consolidate', 'evaluate'] as const
  return {
    caption: 'Time of a run, mean of the seeds',
    head: ['Method', 'Training', 'Consolidating', 'Evaluating'],
    rows: groups.map((group) => [
      methodTitle(group.method),
      ...parts.map((part) => duration(mean(group.runs.map((run) => run.seconds[part])))),
    ]),
  }
}

const settingText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '–')

/** The run's settings, one a row, as given. */
export function settingsTable(bench: BenchResult): TableData {
  return {
    caption: 'Settings',
    head: ['Setting', 'Value'],
    rows: [
      ['benchmark', protocolTitle(bench)],
      ...(bench.protocol?.changed ? [['not as the protocol has it', bench.protocol.changed.join(', ')]] : []),
      ['data set', `${bench.dataset.name}${bench.dataset.synthetic ? ' (synthetic)' : ''}`],
      ['tasks', bench.tasks.join(', ')],
      ...Object.entries(bench.settings).map(([name, value]) => [name, settingText(value)]),
    ],
  }
}

/** The machine that measured. */
export function machineTable({ machine }: BenchResult): TableData {
  const { memoryBytes, onnxRuntime } = machine
  return {
    caption: 'Machine',
    head: ['Part', 'Value'],
    rows: [
      ['processor', `${machine.cpu}, ${count(machine.cores, 'core')}`],
      ['threads used', String(machine.threads)],
      ...(memoryBytes === undefined ? [] : [['memory', `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`]]),
      ['device', machine.device],
      ['system', machine.platform],
      ['runtime', machine.runtime],
      ...(onnxRuntime === undefined ? [] : [['ONNX Runtime', onnxRuntime]]),
    ],
  }
}
