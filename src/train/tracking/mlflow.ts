import { count } from '../../count.ts'
import { type Call, callMlflow, MlflowError } from './mlflow-calls.ts'
import type { Measurement, TrackedEnd, Tracker } from './tracker.ts'

export interface MlflowOptions {
  /** Of the tracking server: 'http://localhost:5000'. */
  readonly url: string
  /** Made if there is none of this name. Default 'holdfast'. */
  readonly experiment?: string | undefined
  /** Shown in MLflow's list. */
  readonly runName: string
  /** What the run was told, logged as parameters; values are cut after 500 characters, which every version of MLflow takes. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** The Authorization header, where the server asks for one. */
  readonly authorization?: string | undefined
  /** Told once, when something could not be logged. */
  readonly warn: (line: string) => void
  /** Times that a call is made again after an error of the server, a lost connection or silence. Default 3. */
  readonly retries?: number | undefined
  /** Before the first such try; doubles with each. Default 500. */
  readonly retryMilliseconds?: number | undefined
  /** How long an answer may take. Default 10,000. */
  readonly timeoutMilliseconds?: number
}

interface Metric {
  readonly key: string
  /** A number, or 'NaN' and the like, which JSON has no numbers for. */
  readonly value: number | string
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly step: number
}

/** What one call of log-batch takes, by MLflow's limits. */
const METRICS_A_CALL = 1000
const PARAMETERS_A_CALL = 100
const PARAMETER_LENGTH = 500

/** What waits for a server that does not answer; the oldest go first. */
const WAITING_AT_MOST = 50_000

const statusOf = { finished: 'FINISHED', failed: 'FAILED', interrupted: 'KILLED' } satisfies Record<
  TrackedEnd,
  string
>

/**
 * Logs to an MLflow server over its REST API 2.0 (https://mlflow.org/docs/latest/rest-api.html). Calls are made beside the run,
 * one at a time. What a server that is away could not take is sent once it is back, at the latest at the end.
 *
 * @example
 * const tracker = mlflow({ url: 'http://localhost:5000', runName: 'ewc', warn: console.warn })
 */
export function mlflow(options: MlflowOptions): Tracker {
  const call = callMlflow(options)
  const waiting: Metric[] = []
  let lost = 0
  let problem: Error | undefined
  let run: string | undefined
  let refused = false
  let told = false
  /** Whether the server could be reached, once it is known. */
  let sending: Promise<boolean> | undefined

  const warn = (found: unknown): void => {
    const first = problem === undefined
    problem = found instanceof Error ? found : new Error(String(found))
    if (first) options.warn(`warning: MLflow: ${problem.message} The run goes on without it.`)
  }
  /** Whether the call was answered, be it by a refusal. */
  const attempt = async (work: () => Promise<unknown>, refuse: () => void): Promise<boolean> => {
    try {
      await work()
      return true
    } catch (found) {
      warn(found)
      if (!isRefusal(found)) return false
      refuse()
      return true
    }
  }
  const begin = async (): Promise<void> => {
    run ??= await createRun(call, options)
    if (!told) await logSettings(call, run, options.settings ?? {})
    told = true
  }
  const send = async (): Promise<boolean> => {
    const began = await attempt(begin, () => {
      refused = run === undefined
      told = true
    })
    if (!began || refused) return began
    while (waiting.length > 0) {
      const metrics = waiting.slice(0, METRICS_A_CALL)
      const answered = await attempt(
        () => call('POST', 'runs/log-batch', { run_id: run, metrics }),
        () => {
          lost += metrics.length
        },
      )
      if (!answered) return false
      waiting.splice(0, metrics.length)
    }
    return true
  }
  const sendBeside = (): void => {
    if (sending || refused) return
    sending = send().finally(() => {
      sending = undefined
    })
  }
  return {
    log: (measurement) => {
      waiting.push(...metricsOf(measurement))
      // What is being sent stands at the front.
      if (waiting.length > WAITING_AT_MOST && !sending) {
        lost += waiting.splice(0, waiting.length - WAITING_AT_MOST).length
      }
      sendBeside()
    },
    close: async (end) => {
      let reached = (await sending) ?? true
      if (reached && !refused) reached = await send()
      if (reached && run !== undefined) {
        const update = { run_id: run, status: statusOf[end], end_time: Date.now() }
        await attempt(
          () => call('POST', 'runs/update', update),
          () => undefined,
        )
      }
      return missing(lost + waiting.length, run, problem)
    },
  }
}

function missing(numbers: number, run: string | undefined, problem: Error | undefined): string | undefined {
  if (!problem) return undefined
  if (run === undefined) return `MLflow: nothing was logged. ${problem.message}`
  return numbers > 0
    ? `MLflow: of run ${run} ${count(numbers, 'number')} did not arrive. ${problem.message}`
    : undefined
}

/** The server understood and said no: the same again would not help. */
const isRefusal = (found: unknown): boolean => found instanceof MlflowError && found.refused

/** Returns the run's id. */
async function createRun(call: Call, options: MlflowOptions): Promise<string> {
  const { run } = await call('POST', 'runs/create', {
    experiment_id: await experimentId(call, options.experiment ?? 'holdfast'),
    run_name: options.runName,
    start_time: Date.now(),
    tags: entries({ 'mlflow.source.name': 'holdfast', ...options.tags }),
  })
  return textIn(run, 'info', 'run_id')
}

async function logSettings(
  call: Call,
  run: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const params = entries(settings).map(({ key, value }) => ({
    key: nameOf(key),
    value: value.slice(0, PARAMETER_LENGTH),
  }))
  for (let at = 0; at < params.length; at += PARAMETERS_A_CALL) {
    await call('POST', 'runs/log-batch', { run_id: run, params: params.slice(at, at + PARAMETERS_A_CALL) })
  }
}

async function experimentId(call: Call, name: string): Promise<string> {
  const find = async () => {
    const { experiment } = await call('GET', 'experiments/get-by-name', { experiment_name: name })
    return textIn(experiment, 'experiment_id')
  }
  try {
    return await find()
  } catch (found) {
    if (!(found instanceof MlflowError) || found.mlflowCode !== 'RESOURCE_DOES_NOT_EXIST') throw found
  }
  try {
    const { experiment_id } = await call('POST', 'experiments/create', { name })
    return textIn(experiment_id)
  } catch (found) {
    // Another run made it in the meantime.
    if (found instanceof MlflowError && found.mlflowCode === 'RESOURCE_ALREADY_EXISTS') return find()
    throw found
  }
}

/** The text at a place in an answer. */
function textIn(answer: unknown, ...path: readonly string[]): string {
  let found = answer
  for (const key of path) found = (found as Record<string, unknown> | undefined)?.[key]
  if (typeof found === 'string') return found
  throw new MlflowError(
    `The answer has no ${path.at(-1) ?? 'experiment_id'}; is this an MLflow server?`,
    true,
  )
}

const entries = (record: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(record).map(([key, value]) => ({ key, value }))

function metricsOf({ step, numbers }: Measurement): Metric[] {
  const timestamp = Date.now()
  return Object.entries(numbers).map(([key, value]) => ({
    key: nameOf(key),
    value: Number.isFinite(value) ? value : String(value),
    timestamp,
    step,
  }))
}

/** MLflow's names are of letters, digits, underscores, dashes, points, blanks and slashes. */
const nameOf = (name: string): string => name.replace(/[^\w\-. /]/g, '_')
