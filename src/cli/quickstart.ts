import { resolve } from 'node:path'
import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import type { BenchResult } from '../measure/results.ts'
import { reportHtml } from '../report/page.ts'
import type { TableRow } from '../report/terminal.ts'
import { type BenchEvent, runGrid } from '../study/grid/index.ts'
import { type QuickstartPart, quickstartParts } from '../study/protocols/index.ts'
import type { Workers } from '../study/workers/index-files.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { machineFacts } from '../train/folders/index-files.ts'
import { loadPlan } from '../train/plan/index-files.ts'
import { digitsFlags } from './bench-flags.ts'
import { noteData, showDownload } from './data-notes.ts'
import { engineFor, sharesOf, workersFor } from './engine.ts'
import { fromText, path } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { closingLines, partLines, quickstartTasks } from './quickstart-text.ts'
import { ownQuickstart, showUpdate, type UpdateShown } from './quickstart-update.ts'
import { type Answer, type Call, type CommonSettings, defineVerb } from './verb.ts'

const settings = z.object({
  ...digitsFlags,
  jobs: fromText(bounds.jobs())
    .optional()
    .meta({ description: 'Runs at a time', otherwise: 'one a core', group: 'Run' }),
  folder: path('DIR')
    .default('quickstart')
    .meta({ description: 'Where the files of the update go, to try more on', group: 'Output' }),
  report: path('FILE.html')
    .default('quickstart-report.html')
    .meta({ description: 'Where the page goes', group: 'Output' }),
})

/** `holdfast quickstart`: see a model forget, and the same model not forget. */
export const quickstart = defineVerb({
  name: 'quickstart',
  summary: 'See a model forget, and the same model not forget, in a minute',
  examples: ['holdfast quickstart', 'holdfast quickstart --data synthetic --seed 2 --report first.html'],
  settings,
  run: async (given, call) => {
    const asked = { source: given.data, limit: given.limit, seed: given.seed }
    const [first] = quickstartParts(asked)
    const [plan] = first?.plans ?? []
    if (!plan) return { json: {}, text: '' }
    await checkPlaces(
      [{ flag: '--data', path: given.data, is: 'data' }],
      [
        { flag: '--folder', path: given.folder, kind: 'folder', mine: ownQuickstart },
        { flag: '--report', path: given.report },
      ],
    )
    const loaded = await loadPlan(plan, {
      download: true,
      orSynthetic: true,
      onProgress: showDownload(call.screen),
    })
    noteData(loaded, call.screen)
    const parts = quickstartParts({ ...asked, source: loaded.plan.data.source })
    const { jobs, threads } = sharesOf(given, first?.plans.length ?? 1)
    const workers = jobs > 1 ? workersFor({ ...given, threads }) : undefined
    const benches: BenchResult[] = []
    const above: string[] = []
    try {
      for (const part of parts) {
        const bench = await runPart({ ...given, threads }, call, part, loaded.inputs, {
          above,
          jobs,
          workers,
        })
        if (!bench) return stopped
        benches.push(bench)
        above.push(...partLines(part.title, finalRows(bench), call.screen), '')
      }
    } finally {
      // Threads that wait for work would keep the program from ending.
      await workers?.close()
    }
    call.screen.draw([])
    const [data] = loaded.inputs.data
    const shown =
      data && (await showUpdate(data, { folder: given.folder, engine: engineFor(given), asked: given, call }))
    if (!shown) return stopped
    return answer(given.report, call, benches, shown)
  },
})

const stopped: Answer = {
  json: { status: 'interrupted' },
  text: 'Stopped; nothing was kept.',
  exitCode: 1,
}

const finalRows = ({ results }: BenchResult): TableRow[] =>
  results.map(({ method, matrix }) => ({ method, accuracies: matrix.at(-1) ?? [] }))

async function runPart(
  asked: CommonSettings,
  call: Call,
  { title, plans }: QuickstartPart,
  inputs: Parameters<typeof runGrid>[0]['inputs'],
  { above, jobs, workers }: { above: readonly string[]; jobs: number; workers: Workers | undefined },
): Promise<BenchResult | undefined> {
  const { screen, signal } = call
  const engine = engineFor(asked)
  const rows: TableRow[] = plans.map(({ method }) => ({
    method: method.name,
    accuracies: quickstartTasks.map(() => null),
    status: 'waiting',
  }))
  // A terminal can only draw over what it still shows.
  const room = (process.stderr.rows ?? 24) - rows.length - 3
  const show = () => screen.draw([...(above.length <= room ? above : []), ...partLines(title, rows, screen)])
  const run = workers?.run(() => undefined)
  const events = runGrid({
    plans,
    inputs,
    engine,
    machine: machineFacts(engine),
    jobs,
    signal,
    run,
  })
  let next = await events.next()
  while (!next.done) {
    const row = rowAfter(next.value, rows[next.value.run])
    if (row) rows[next.value.run] = row
    if (row) show()
    next = await events.next()
  }
  const [failure] = next.value.failures
  if (failure) throw failure.error
  if (next.value.unfinished > 0) return undefined
  if (!screen.live) screen.say(`${title}: done`)
  return { ...next.value.bench, tasks: quickstartTasks }
}

/** A row of the live table after an event; undefined where the event changes nothing in it. */
function rowAfter(message: BenchEvent, row: TableRow | undefined): TableRow | undefined {
  if (!row) return undefined
  if (message.type === 'run-finished') {
    return { method: row.method, accuracies: message.result.matrix.at(-1) ?? [] }
  }
  if (message.type !== 'run-event') return undefined
  const { event } = message
  if (event.type === 'task-started') return { ...row, status: `learning ${quickstartTasks[event.task]}` }
  if (event.type === 'evaluated') return { ...row, accuracies: event.accuracies }
  return undefined
}

async function answer(
  page: string,
  call: Call,
  benches: readonly BenchResult[],
  shown: UpdateShown,
): Promise<Answer> {
  const report = resolve(page)
  const created = new Date().toISOString().slice(0, 10)
  await writeWhole(report, reportHtml(benches, { command: call.command, created, more: shown.page }))
  const synthetic = benches.some(({ dataset }) => dataset.synthetic)
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR
  return {
    json: { benchmarks: benches, ...shown.json, report },
    text: [
      `${benches[0]?.dataset.name ?? ''}, digits 0-4 first, then 5-9${synthetic ? ' (synthetic digits, not MNIST)' : ''}`,
      '',
      ...benches.flatMap((bench) => [...partLines(bench.benchmark, finalRows(bench), { colour }), '']),
      ...closingLines(benches),
      '',
      'And the job that Holdfast is for: a model that knows 0-7 learns 8 and 9 inside a budget for what it may forget.',
      '',
      ...shown.lines,
      `Report: ${report}`,
    ].join('\n'),
  }
}
