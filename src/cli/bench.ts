import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { reportHtml } from '../report/page.ts'
import { type BenchOutcome, benchmarkPlans, type RunOne, runGrid } from '../study/grid/index.ts'
import { protocolNamed, protocols } from '../study/protocols/index.ts'
import { machineFacts, runInFolder } from '../train/folders/index-files.ts'
import type { RunPlan } from '../train/plan/index.ts'
import { type LoadedPlan, loadPlan } from '../train/plan/index-files.ts'
import { protocolFlags, readOverrides } from './bench-flags.ts'
import { gridProgress } from './bench-progress.ts'
import { benchText } from './bench-text.ts'
import { noteData, noteMethods, showDownload } from './data-notes.ts'
import { defaultFolder } from './run-folders.ts'
import { choicesOf, listOf, seedsOf, wholeOf } from './values.ts'
import { type Answer, type Call, engineFor, engineSettings, type Verb, workersFor } from './verb.ts'

/** `holdfast bench`: methods by scenarios by seeds, under a published protocol. */
export const bench: Verb = {
  name: 'bench',
  summary: 'Measure methods under a published protocol',
  examples: [
    'holdfast bench split-mnist --method none,ewc,replay --scenario class --seeds 1..3 --report report.html',
    'holdfast bench split-mnist --method ewc --scenario task --data synthetic --iterations 100 --no-save',
  ],
  args: {
    name: { type: 'positional', description: protocols.map(({ name }) => name).join(', '), required: true },
    method: {
      type: 'string',
      description: 'Methods (default none,ewc,lwf,replay,joint); ewc+replay composes',
      valueHint: 'a,b',
    },
    scenario: {
      type: 'string',
      description: 'task, domain, class (default those of the protocol)',
      valueHint: 'a,b',
    },
    seeds: { type: 'string', description: 'Seeds (default 1)', valueHint: '1..3|1,4' },
    ...protocolFlags,
    jobs: { type: 'string', description: 'Runs at a time (default one a core)', valueHint: 'N' },
    out: {
      type: 'string',
      alias: 'o',
      description: 'Folder for the runs (default in runs/); given again, goes on there',
      valueHint: 'DIR',
    },
    save: {
      type: 'boolean',
      default: true,
      description: 'Keep run folders',
      negativeDescription: 'Keep nothing on disk',
    },
    report: { type: 'string', description: 'Write the HTML report there', valueHint: 'FILE.html' },
  },
  run: async (call) => {
    const protocol = protocolNamed(call.text('name') ?? '')
    const plans = benchmarkPlans({
      protocol,
      methods: listOf('method', call.text('method')) ?? ['none', 'ewc', 'lwf', 'replay', 'joint'],
      scenarios:
        choicesOf('scenario', call.text('scenario'), ['task', 'domain', 'class']) ?? protocol.scenarios,
      seeds: seedsOf('seeds', call.text('seeds')) ?? seedsOf('seed', call.text('seed')) ?? [1],
      changed: readOverrides(call),
    })
    const jobs = wholeOf('jobs', call.text('jobs'), 1) ?? availableParallelism()
    const [first] = plans
    if (!first) return { json: {}, text: '' }
    const loaded = await loadPlan(first, {
      download: true,
      orSynthetic: true,
      onProgress: showDownload(call.screen),
    })
    noteData(loaded, call.screen)
    noteMethods(plans, call.screen)
    const folder = call.on('save') ? (call.text('out') ?? folderName(plans)) : undefined
    const outcome = await runPlans(call, {
      plans: plans.map((plan) => withSource(plan, loaded)),
      loaded,
      jobs,
      folder,
    })
    return answer(call, outcome, folder)
  },
}

const withSource = (plan: RunPlan, loaded: LoadedPlan): RunPlan => ({
  ...plan,
  data: { ...plan.data, source: loaded.plan.data.source },
})

const wordsOf = ({ method, stream, seed }: RunPlan): string[] => [method.name, stream.scenario, String(seed)]

function folderName(plans: readonly RunPlan[]): string {
  const [first] = plans
  return defaultFolder(first?.name ?? 'bench', ...(first && plans.length === 1 ? wordsOf(first) : []))
}

interface Grid {
  readonly plans: readonly RunPlan[]
  readonly loaded: LoadedPlan
  readonly jobs: number
  readonly folder: string | undefined
}

async function runPlans(call: Call, { plans, loaded, jobs, folder }: Grid): Promise<BenchOutcome> {
  const engine = engineFor(engineSettings(call))
  const place = (plan: RunPlan) =>
    folder === undefined || plans.length === 1 ? folder : join(folder, wordsOf(plan).join('-'))
  const keep: RunOne = (plan, prepared, signal) =>
    runInFolder({ ...loaded, plan }, { engine, folder: place(plan) ?? '', verb: 'bench', signal, prepared })
  const here = folder === undefined ? undefined : keep
  const workers = Math.min(jobs, plans.length) > 1 ? workersFor(call) : undefined
  const run = workers?.run(place) ?? here
  const events = runGrid({
    plans,
    inputs: loaded.inputs,
    engine,
    machine: machineFacts(engine),
    jobs,
    signal: call.signal,
    ...(run ? { run } : {}),
  })
  const show = gridProgress(plans.length, call.screen)
  let next: Awaited<ReturnType<typeof events.next>>
  try {
    next = await events.next()
    while (!next.done) {
      show(next.value)
      next = await events.next()
    }
  } finally {
    // Threads that wait for work would keep the program from ending.
    await workers?.close()
  }
  call.screen.draw([])
  if (folder !== undefined && plans.length > 1 && next.value.unfinished === 0) {
    await writeFile(join(folder, 'bench.json'), `${JSON.stringify(next.value.bench, null, 2)}\n`)
  }
  return next.value
}

async function answer(call: Call, outcome: BenchOutcome, folder: string | undefined): Promise<Answer> {
  const report = call.text('report')
  if (report !== undefined && outcome.bench.results.length > 0) {
    const created = new Date().toISOString().slice(0, 10)
    await writeFile(report, reportHtml(outcome.bench, { command: call.command, created }))
  }
  const failures = outcome.failures.map(({ plan, error }) => ({
    method: plan.method.name,
    scenario: plan.stream.scenario,
    seed: plan.seed,
    error: { code: error.code, message: error.message },
  }))
  const goOn =
    outcome.unfinished === 0
      ? []
      : [
          folder === undefined
            ? `${outcome.unfinished} runs were not finished, and nothing was kept (--no-save).`
            : `${outcome.unfinished} runs were not finished. Go on with the same command and --out ${folder}`,
        ]
  return {
    json: {
      ...outcome.bench,
      ...(failures.length > 0 ? { failures } : {}),
      ...(outcome.unfinished > 0 ? { unfinished: outcome.unfinished } : {}),
      ...(folder === undefined ? {} : { folder }),
    },
    text: [
      benchText(outcome.bench),
      ...(folder === undefined ? [] : [`Runs: ${folder}`]),
      ...(report === undefined ? [] : [`Report: ${report}`]),
      ...goOn,
    ].join('\n'),
    exitCode: failures.length > 0 || outcome.unfinished > 0 ? 1 : 0,
  }
}
