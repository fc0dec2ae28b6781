import { z } from 'zod'
import { HoldfastError, UsageError } from '../errors.ts'
import { flatSettings, mlflow, type TrackedEnd, type Tracker, trackers } from '../train/tracking/index.ts'
import { tensorBoard } from '../train/tracking/index-files.ts'
import { fromText, group, path, told } from './flags/index.ts'
import type { Screen } from './screen.ts'
import type { Call } from './verb.ts'

const DEFAULT_EXPERIMENT = 'holdfast'

/** Flags that say where else a run's numbers go. */
export const trackingFlags = group('Tracking', {
  tensorboard: path('DIR').optional().meta({ description: 'Write event files for TensorBoard here' }),
  mlflow: told(z.string(), {
    hint: 'URL',
    expected: 'the address of a server, such as http://localhost:5000',
    read: (text) => (/^https?:\/\/[^/]/.test(text) ? text : undefined),
  })
    .optional()
    .meta({ description: 'Log to the MLflow server at this address' }),
  experiment: fromText(z.string().min(1))
    .optional()
    .meta({ description: "MLflow's experiment", otherwise: DEFAULT_EXPERIMENT, hint: 'NAME' }),
})

export type TrackingSettings = z.output<z.ZodObject<typeof trackingFlags>>

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
  { screen }: Call,
  asked: TrackingSettings,
  run: TrackedRun,
  work: (tracker: Tracker) => Promise<Result>,
  endOf: (result: Result) => TrackedEnd = () => 'finished',
): Promise<Result> {
  const tracker = openTrackers(screen, asked, run)
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
    if (missing !== undefined) screen.warn(`warning: ${missing}`)
  }
}

function openTrackers(
  { warn }: Screen,
  { tensorboard: folder, mlflow: url, experiment }: TrackingSettings,
  { verb, name, settings }: TrackedRun,
): Tracker {
  if (url === undefined && experiment !== undefined) {
    throw new UsageError(
      'flag-value',
      '--experiment is about MLflow; name its server, too: --mlflow http://localhost:5000',
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
            experiment: experiment ?? DEFAULT_EXPERIMENT,
            authorization,
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
