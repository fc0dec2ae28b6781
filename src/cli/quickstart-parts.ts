import type { BenchResult } from '../measure/results.ts'
import type { TableRow } from '../report/terminal.ts'
import { followed } from '../study/followed.ts'
import { type BenchEvent, type BenchOutcome, runGrid } from '../study/grid/index.ts'
import type { QuickstartPart } from '../study/protocols/index.ts'
import type { Workers } from '../study/workers/index-files.ts'
import { machineFacts } from '../train/folders/index-files.ts'
import { engineFor } from './engine.ts'
import { partLines, quickstartTasks } from './quickstart-text.ts'
import type { Call, CommonSettings } from './verb.ts'

/** What came of one table of the quickstart. */
export interface PartShown {
  readonly bench: BenchResult
  /** One of every method, also of those that have no result. */
  readonly rows: readonly TableRow[]
  readonly failures: BenchOutcome['failures']
}

/** How a table is run and shown. */
export interface PartOptions {
  readonly inputs: Parameters<typeof runGrid>[0]['inputs']
  /** Lines that stand above it on a terminal. */
  readonly above: readonly string[]
  readonly jobs: number
  readonly workers: Workers | undefined
}

/**
 * Runs the methods of one table. One that fails is a row that says so, and the others go on.
 *
 * @returns undefined when it was stopped
 */
export async function runPart(
  asked: Pick<CommonSettings, 'threads' | 'device'>,
  { screen, signal }: Pick<Call, 'screen' | 'signal'>,
  { title, plans }: QuickstartPart,
  { inputs, above, jobs, workers }: PartOptions,
): Promise<PartShown | undefined> {
  const engine = engineFor(asked)
  const rows: TableRow[] = plans.map(({ method }) => ({
    method: method.name,
    accuracies: quickstartTasks.map(() => null),
    status: 'waiting',
  }))
  // A terminal can only draw over what it still shows.
  const room = (process.stderr.rows ?? 24) - rows.length - 3
  const show = () => screen.draw([...(above.length <= room ? above : []), ...partLines(title, rows, screen)])
  const run = workers?.run(undefined)
  const events = runGrid({ plans, inputs, engine, machine: machineFacts(engine), jobs, signal, run })
  const { bench, failures, unfinished } = await followed(events, (message) => {
    const row = rowAfter(message, rows[message.run])
    if (row) rows[message.run] = row
    if (row) show()
    if (message.type === 'run-failed') {
      screen.warn(`warning: ${title}, ${message.plan.method.name}: ${message.error.message}`)
    }
  })
  if (unfinished > 0) return undefined
  if (!screen.live) screen.say(`${title}: done`)
  return { bench: { ...bench, tasks: quickstartTasks }, rows, failures }
}

/** A row of the live table after an event; undefined where the event changes nothing in it. */
function rowAfter(message: BenchEvent, row: TableRow | undefined): TableRow | undefined {
  if (!row) return undefined
  if (message.type === 'run-finished') {
    return { method: row.method, accuracies: message.result.matrix.at(-1) ?? [] }
  }
  if (message.type === 'run-failed') {
    const status = message.error.code === 'diverged' ? 'diverged' : `failed (${message.error.code})`
    return { method: row.method, accuracies: quickstartTasks.map(() => null), status }
  }
  if (message.type !== 'run-event') return undefined
  const { event } = message
  if (event.type === 'task-started') return { ...row, status: `learning ${quickstartTasks[event.task]}` }
  if (event.type === 'evaluated') return { ...row, accuracies: event.accuracies }
  return undefined
}
