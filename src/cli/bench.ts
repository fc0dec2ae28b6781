import { join } from 'node:path'
import { z } from 'zod'
import { count } from '../count.ts'
import { bounds } from '../data/bounds.ts'
import { reportHtml } from '../report/page.ts'
import { type BenchOutcome, benchmarkPlans, type RunOne, runGrid } from '../study/grid/index.ts'
import { protocolNamed, protocols } from '../study/protocols/index.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { machineFacts, runInFolder } from '../train/folders/index-files.ts'
import type { RunPlan } from '../train/plan/index.ts'
import { type LoadedPlan, loadPlan } from '../train/plan/index-files.ts'
import { overridesOf, protocolFlags } from './bench-flags.ts'
import { gridProgress } from './bench-progress.ts'
import { benchText } from './bench-text.ts'
import { noteData, noteMethods, showDownload } from './data-notes.ts'
import { engineFor, sharesOf, workersFor } from './engine.ts'
import { fromText, group, path, seeds } from './flags/index.ts'
import { methodFlags } from './method-flags.ts'
import { checkPlaces } from './places.ts'
import { defaultFolder, ownRun, ownRuns } from './run-folders.ts'
import { reportFlag } from './shared-flags.ts'
import { type Answer, type Call, type CommonSettings, defineVerb } from './verb.ts'

const settings = z.object({
  name: fromText(z.string().min(1)).meta({
    argument: true,
    description: protocols.map(({ name }) => name).join(', '),
    hint: 'NAME',
  }),
  ...group('Grid', {
    method: fromText(z.array(z.string().min(1)).min(1))
      .default(['none', 'ewc', 'lwf', 'replay', 'joint'])
      .meta({ description: 'Methods; ewc+replay composes', hint: 'a,b' }),
    scenario: fromText(z.array(z.enum(['task', 'domain', 'class'])).min(1))
      .optional()
      .meta({ description: 'task, domain, class', otherwise: 'those of the protocol', hint: 'a,b' }),
    seeds: seeds().optional().meta({ description: 'Seeds', otherwise: '1' }),
    jobs: fromText(bounds.jobs()).optional().meta({ description: 'Runs at a time', otherwise: 'one a core' }),
  }),
  ...protocolFlags,
  ...methodFlags,
  ...group('Output', {
    out: path('DIR').optional().meta({
      description: 'Folder for the runs; given again, goes on there',
      otherwise: 'in runs/',
      alias: 'o',
    }),
    save: z.boolean().default(true).meta({
      description: 'Keep run folders',
      negative: 'Keep nothing on disk',
    }),
  }),
  ...reportFlag,
})

/** `holdfast bench`: methods by scenarios by seeds, under a published protocol. */
export const bench = defineVerb({
  name: 'bench',
  summary: 'Measure methods under a published protocol',
  examples: [
    'holdfast bench split-mnist --method none,ewc,replay --scenario class --seeds 1..3 --report report.html',
    'holdfast bench split-mnist --method ewc --scenario task --data synthetic --iterations 100 --no-save',
  ],
  settings,
  run: async (asked, call) => {
    const protocol = protocolNamed(asked.name)
    const planned = benchmarkPlans({
      protocol,
      methods: [...new Set(asked.method)],
      scenarios: [...new Set(asked.scenario ?? protocol.scenarios)],
      seeds: asked.seeds ?? [asked.seed ?? 1],
      changed: overridesOf(asked),
    })
    const { jobs, threads } = sharesOf(asked, planned.length)
    const plans = planned.map((plan) => ({ ...plan, threads }))
    const [first] = plans
    if (!first) return { json: {}, text: '' }
    const folder = asked.save ? (asked.out ?? folderName(plans)) : undefined
    await checkPlaces(
      [{ flag: '--data', path: asked.data, is: 'data' }],
      [
        { flag: '--out', path: folder, kind: 'folder', mine: plans.length === 1 ? ownRun : ownRuns },
        { flag: '--report', path: asked.report },
      ],
    )
    const loaded = await loadPlan(first, {
      download: true,
      orSynthetic: true,
      onProgress: showDownload(call.screen),
    })
    noteData(loaded, call.screen)
    noteMethods(plans, call.screen)
    const outcome = await runPlans({ ...asked, threads }, call, {
      plans: plans.map((plan) => withSource(plan, loaded)),
      loaded,
      jobs,
      folder,
    })
    return answer(asked.report, call, outcome, folder)
  },
})

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

async function runPlans(
  asked: CommonSettings,
  call: Call,
  { plans, loaded, jobs, folder }: Grid,
): Promise<BenchOutcome> {
  const engine = engineFor(asked)
  const place = (plan: RunPlan) =>
    folder === undefined || plans.length === 1 ? folder : join(folder, wordsOf(plan).join('-'))
  const keep: RunOne = (plan, prepared, signal) =>
    runInFolder({ ...loaded, plan }, { engine, folder: place(plan) ?? '', verb: 'bench', signal, prepared })
  const here = folder === undefined ? undefined : keep
  const workers = jobs > 1 ? workersFor(asked) : undefined
  const run = workers?.run(place) ?? here
  const events = runGrid({
    plans,
    inputs: loaded.inputs,
    engine,
    machine: machineFacts(engine),
    jobs,
    signal: call.signal,
    run,
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
    await writeWhole(join(folder, 'bench.json'), `${JSON.stringify(next.value.bench, null, 2)}\n`)
  }
  return next.value
}

async function answer(
  report: string | undefined,
  call: Call,
  outcome: BenchOutcome,
  folder: string | undefined,
): Promise<Answer> {
  if (report !== undefined && outcome.bench.results.length > 0) {
    const created = new Date().toISOString().slice(0, 10)
    await writeWhole(report, reportHtml(outcome.bench, { command: call.command, created }))
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
            ? `${count(outcome.unfinished, 'run')} did not finish, and nothing was kept (--no-save).`
            : `${count(outcome.unfinished, 'run')} did not finish. Go on with the same command and --out ${folder}`,
        ]
  return {
    json: {
      ...outcome.bench,
      failures: failures.length > 0 ? failures : undefined,
      unfinished: outcome.unfinished > 0 ? outcome.unfinished : undefined,
      folder,
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
