import { resolve } from 'node:path'
import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { quickstartParts } from '../study/protocols/index.ts'
import { loadPlan } from '../train/plan/index-files.ts'
import { digitsFlags } from './bench-flags.ts'
import { noteData, showDownload } from './data-notes.ts'
import { engineFor, sharesOf, workersFor } from './engine.ts'
import { fromText, page, path } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { type PartShown, runPart } from './quickstart-parts.ts'
import { closingLines, partLines } from './quickstart-text.ts'
import { ownQuickstart, showUpdate, type UpdateShown } from './quickstart-update.ts'
import { type Answer, type Call, defineVerb } from './verb.ts'
import { writeReport } from './write-report.ts'

const settings = z.object({
  ...digitsFlags,
  jobs: fromText(bounds.jobs())
    .optional()
    .meta({ description: 'Runs at a time', otherwise: 'one a core', group: 'Run' }),
  folder: path('DIR')
    .default('quickstart')
    .meta({ description: 'Where the files of the update go, to try more on', group: 'Output' }),
  report: page()
    .default('quickstart-report.html')
    .meta({ description: 'Where the page goes', group: 'Output' }),
})

/** `holdfast quickstart`: see a model forget, and the same model not forget. */
export const quickstart = defineVerb({
  name: 'quickstart',
  examples: ['holdfast quickstart', 'holdfast quickstart --data synthetic --seed 2 --report first.html'],
  settings,
  run: async (given, call, outputs) => {
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
      outputs,
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
    const shown: PartShown[] = []
    const above: string[] = []
    try {
      for (const part of parts) {
        const next = await runPart({ ...given, threads }, call, part, {
          inputs: loaded.inputs,
          above,
          jobs,
          workers,
        })
        if (!next) return stopped
        shown.push(next)
        above.push(...partLines(part.title, next.rows, call.screen), '')
      }
    } finally {
      // Threads that wait for work would keep the program from ending.
      await workers?.close()
    }
    call.screen.draw([])
    const [data] = loaded.inputs.data
    const updated =
      data && (await showUpdate(data, { folder: given.folder, engine: engineFor(given), asked: given, call }))
    if (!updated) return stopped
    return answer(given.report, call, shown, updated)
  },
})

const stopped: Answer = {
  json: { status: 'interrupted' },
  text: 'Stopped; nothing was kept.',
  exitCode: 1,
}

async function answer(
  page: string,
  call: Call,
  parts: readonly PartShown[],
  updated: UpdateShown,
): Promise<Answer> {
  const report = resolve(page)
  const failures = parts.flatMap((part) =>
    part.failures.map(({ plan, error }) => ({
      benchmark: part.bench.benchmark,
      method: plan.method.name,
      error: { code: error.code, message: error.message },
    })),
  )
  // A table in which nothing came to an end has nothing to be drawn from.
  const benches = parts.flatMap(({ bench }) => (bench.results.length > 0 ? [bench] : []))
  await writeReport(report, benches, call, { more: updated.page })
  const synthetic = benches.some(({ dataset }) => dataset.synthetic)
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR
  return {
    json: {
      benchmarks: benches,
      ...(failures.length > 0 ? { failures } : {}),
      ...updated.json,
      report,
    },
    text: [
      `${benches[0]?.dataset.name ?? ''}, digits 0-4 first, then 5-9${synthetic ? ' (synthetic digits, not MNIST)' : ''}`,
      '',
      ...parts.flatMap(({ bench, rows }) => [...partLines(bench.benchmark, rows, { colour }), '']),
      ...failures.map(({ benchmark, method, error }) => `${benchmark}, ${method}: ${error.message}`),
      ...closingLines(benches),
      '',
      'And the job that Holdfast is for: a model that knows 0-7 learns 8 and 9 inside a budget for what it may forget.',
      '',
      ...updated.lines,
      `Report: ${report}`,
    ].join('\n'),
    exitCode: failures.length > 0 ? 1 : 0,
  }
}
