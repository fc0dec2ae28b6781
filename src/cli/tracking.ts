import type { ArgsDef } from 'citty'
import { HoldfastError, UsageError } from '../errors.ts'
import { flatSettings, mlflow, type TrackedEnd, type Tracker, trackers } from '../train/tracking/index.ts'
import { tensorBoard } from '../train/tracking/index-files.ts'
import type { Call } from './verb.ts'

/** Flags that say where else a run's numbers go. */
export const trackingFlags = {
  tensorboard: { type: 'string', description: 'Write event files for TensorBoard here', valueHint: 'DIR' },
  mlflow: { type: 'string', description: 'Log to the MLflow server at this address', valueHint: 'URL' },
  experiment: {
    type: 'string',
    description: "MLflow's experiment (default holdfast)",
    valueHint: 'NAME',
  },
} as const satisfies ArgsDef

/** What is known of a run before it begins. */
interface TrackedRun {
  readonly verb: string
  readonly name: string
  /** Anything that JSON can hold; logged by paths, `stream.scenario`. */
  readonly settings: unknown
}

/**
 * Does `work` with a tracker of what the flags ask for, ends the record as the work ended, and warns of what was not logged.
 *
 * @param endOf how a result that was returned is to be called; what throws was interrupted, if its error says so, or has failed
 */
export async function tracked<Result>(
  call: Call,
  run: TrackedRun,
  work: (tracker: Tracker) => Promise<Result>,
  endOf: (result: Result) => TrackedEnd = () => 'finished',
): Promise<Result> {
  const tracker = openTrackers(call, run)
  let end: TrackedEnd = 'failed'
  try {
    const result = await work(tracker)
    end = endOf(result)
    return result
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'interrupted') end = 'interrupted'
    throw error
  } finally {
    const missing = await tracker.close(end)
    if (missing !== undefined) call.screen.warn(`warning: ${missing}`)
  }
}

function openTrackers(call: Call, { verb, name, settings }: TrackedRun): Tracker {
  const folder = call.text('tensorboard')
  const url = call.text('mlflow')
  const experiment = call.text('experiment')
  const { warn } = call.screen
  if (url === undefined && experiment !== undefined) {
    throw new UsageError(
      'flag-value',
      '--experiment is about MLflow; name its server, too: --mlflow http://localhost:5000',
    )
  }
  if (url !== undefined && !/^https?:\/\/[^/]/.test(url)) {
    throw new UsageError(
      'flag-value',
      `--mlflow takes the address of a server, such as http://localhost:5000, but got "${url}".`,
    )
  }
  const authorization = authorizationOf(process.env)
  return trackers([
    ...(folder === undefined ? [] : [tensorBoard(folder, warn)]),
    ...(url === undefined
      ? []
      : [
          mlflow({
            url,
            runName: name,
            settings: flatSettings(settings),
            tags: { 'holdfast.verb': verb },
            warn,
            ...(experiment === undefined ? {} : { experiment }),
            ...(authorization === undefined ? {} : { authorization }),
          }),
        ]),
  ])
}

/** From the variables that MLflow's own client reads. */
function authorizationOf(variables: Readonly<Record<string, string | undefined>>): string | undefined {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user } = variables
  if (token) return `Bearer ${token}`
  if (!user) return undefined
  return `Basic ${Buffer.from(`${user}:${variables.MLFLOW_TRACKING_PASSWORD ?? ''}`).toString('base64')}`
}
