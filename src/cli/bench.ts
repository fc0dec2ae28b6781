import { join } from 'node:path'
import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { UsageError } from '../errors.ts'
import { benchmarkPlans } from '../study/grid/index.ts'
import { trainsJointly } from '../study/protocols/index.ts'
import { readProtocol } from '../study/protocols/index-files.ts'
import { tunedPlans } from '../study/tune/index.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { makeFolder } from '../tensor/writes-files.ts'
import { loadPlan } from '../train/plan/index-files.ts'
import { benchAnswer, stoppedTuning } from './bench-answer.ts'
import { overridesOf, protocolFlags } from './bench-flags.ts'
import { checkBenchPlaces } from './bench-places.ts'
import { checkAlike, protocolList, protocolShown } from './bench-protocols.ts'
import { runPlans } from './bench-runs.ts'
import { tune } from './bench-tune.ts'
import { noteData, noteMethods, noteTasks, showDownload } from './data-notes.ts'
import { fromText, group, on, path as place, seeds, shard } from './flags/index.ts'
import { methodFlags } from './method-flags.ts'
import { queueFlags } from './queue-client.ts'
import { defaultJobs } from './queue-place.ts'
import { DEFAULT_STORE, defaultFolder } from './run-folders.ts'
import { reportFlag } from './shared-flags.ts'
import { type CommonSettings, defineVerb } from './verb.ts'

/** What is compared unless methods are named. */
const USUAL = ['none', 'ewc', 'lwf', 'replay', 'joint']
const USUAL_UNTOLD = ['none', 'reservoir-replay', 'er-ace', 'der++', 'joint']

const settings = z
  .object({
    name: fromText(z.string().min(1)).optional().meta({
      argument: true,
      description: 'A protocol by name, or its YAML file; --list says which come with Holdfast',
      hint: 'NAME',
    }),
    ...group('Which there are', {
      list: on().meta({ description: 'List the protocols that come with Holdfast, and run nothing' }),
      show: on().meta({
        description: 'Print the file of this protocol, to begin one of your own with; run nothing',
      }),
    }),
    ...group('Grid', {
      method: fromText(z.array(z.string().min(1)).min(1))
        .optional()
        .meta({
          description: 'Methods; ewc+replay composes',
          hint: 'a,b',
          otherwise: `${USUAL.join(',')}; where borders are not told ${USUAL_UNTOLD.join(',')}`,
        }),
      scenario: fromText(z.array(z.enum(['task', 'domain', 'class'])).min(1))
        .optional()
        .meta({ description: 'task, domain, class', otherwise: 'those of the protocol', hint: 'a,b' }),
      seeds: seeds().optional().meta({ description: 'Seeds', otherwise: '1' }),
      jobs: fromText(bounds.jobs())
        .optional()
        .meta({ description: 'Runs at a time', otherwise: 'one a core' }),
      threads: fromText(bounds.threads()).default(1).meta({
        description: 'Threads of each run; its last bits belong to their number',
      }),
      tune: fromText(bounds.trials()).optional().meta({
        description:
          'Choose the settings of each method by so many trials on rows cut from the training data, with a seed that is not reported',
        otherwise: 'those of the protocol',
      }),
      shard: shard().optional().meta({
        description: 'Only this part of the runs; the other parts run elsewhere, over the same --store',
        otherwise: 'all of them',
      }),
    }),
    ...protocolFlags,
    ...methodFlags,
    ...group('Output', {
      out: place('DIR').optional().meta({
        description: 'Folder for the result, and for the runs where --store names no other',
        otherwise: 'in runs/',
        alias: 'o',
      }),
      store: place('DIR').optional().meta({
        description: 'Folder that keeps runs by content: what is finished there is not run again',
        otherwise: 'that of --out, else runs/store',
      }),
      save: z.boolean().default(true).meta({
        description: 'Keep run folders',
        negative: 'Keep nothing on disk',
      }),
    }),
    ...queueFlags,
    ...reportFlag,
  })
  .refine(({ name, list }) => name !== undefined || list, {
    error:
      'holdfast bench needs the name of a protocol, or its file. Those that there are: holdfast bench --list',
    params: { code: 'argument-missing' },
  })
  .refine(({ save, queue }) => save || queue === undefined, {
    message: '--no-save keeps nothing, but workers of a --queue leave runs in the store; leave one out.',
  })
  .refine(({ queue, priority }) => queue !== undefined || priority === undefined, {
    message: '--priority is about runs in a --queue, and there is none; leave it out.',
  })
  .refine(({ queue, jobs }) => queue === undefined || jobs === undefined, {
    message:
      '--jobs is about runs in this process, but --queue has workers do them: give it to holdfast worker.',
  })
  .refine(({ save, store, shard }) => save || (store === undefined && shard === undefined), {
    message: '--no-save keeps nothing, but --store and --shard are about what is kept; leave one out.',
  })
  .refine(({ report, shard }) => report === undefined || shard === undefined, {
    message:
      '--report needs all runs, and --shard does a part of them. When all are done: holdfast collect STORE --report page.html',
  })

/** `holdfast bench`: methods by scenarios by seeds, under a protocol. */
export const bench = defineVerb({
  name: 'bench',
  examples: [
    'holdfast bench split-mnist --method none,ewc,replay --scenario class --seeds 1..3 --report report.html',
    'holdfast bench split-mnist --method ewc --scenario task --data synthetic --iterations 100 --no-save',
    'holdfast bench my-protocol.yaml --method none,replay,joint --seeds 1..3',
    'holdfast bench split-mnist --seeds 1..10 --store /shared/runs --shard 2/8',
    'holdfast bench split-mnist --method ewc,lwf --scenario domain --seeds 1..5 --tune 12',
  ],
  settings,
  run: async (asked, call, outputs) => {
    if (asked.list || asked.name === undefined) return protocolList()
    const { protocol, text, path } = await readProtocol(asked.name)
    if (asked.show) return protocolShown(protocol, text)
    refuseUnused(asked)
    const { threads, save } = asked
    const changed = overridesOf(asked)
    const usual = protocol.run.stream.borders || changed.borders ? USUAL_UNTOLD : USUAL
    const wanted = {
      protocol,
      methods: [...new Set(asked.method ?? usual)],
      scenarios: [...new Set(asked.scenario ?? protocol.usual)],
      seeds: asked.seeds ?? [asked.seed ?? 1],
      changed,
    }
    const untuned = benchmarkPlans(wanted)
    const [first] = untuned
    if (!first) return { json: {}, text: '' }
    const store = save ? (asked.store ?? asked.out ?? DEFAULT_STORE) : undefined
    const out = save && asked.shard === undefined ? (asked.out ?? defaultFolder(protocol.name)) : undefined
    await checkBenchPlaces(asked, first, { protocol: path, store, out }, outputs)
    const loaded = await loadPlan(first, {
      download: true,
      orSynthetic: true,
      onProgress: showDownload(call.screen),
    })
    checkAlike(protocol, loaded, wanted.scenarios)
    noteData(loaded, call.screen)
    noteMethods(untuned, call.screen)
    noteTasks(first, call.screen)
    const jobs = asked.jobs ?? defaultJobs(threads)
    // Names the data that were really taken, where these are not the protocol's.
    const other = asked.data !== undefined || loaded.instead !== undefined
    const source = other ? loaded.plan.data.source : undefined
    const grid = { ...wanted, changed: { ...wanted.changed, source } }
    const tuning =
      asked.tune === undefined
        ? []
        : await tune(asked, call, { ...grid, trials: asked.tune }, { jobs, store, shard: asked.shard })
    if (!tuning) return stoppedTuning(store)
    const measured = await runPlans(asked, call, {
      ...{ plans: tunedPlans(grid, tuning), loaded, jobs, store, shard: asked.shard },
      tuning: asked.tune === undefined ? undefined : tuning,
    })
    const outcome =
      asked.tune === undefined ? measured : { ...measured, bench: { ...measured.bench, tuning } }
    if (out !== undefined && outcome.unfinished === 0) {
      await makeFolder(out)
      await writeWhole(join(out, 'bench.json'), `${JSON.stringify(outcome.bench, null, 2)}\n`)
    }
    return benchAnswer(asked, call, outcome, { store, out })
  },
})

/** @throws UsageError `option-unused` for a flag that would change nothing. */
function refuseUnused({ seed, seeds: all, method = USUAL, jointIterations }: Given): void {
  if (seed !== undefined && all !== undefined) {
    throw new UsageError(
      'option-unused',
      '--seeds names the seeds of all runs, so that --seed would change nothing; leave one out.',
    )
  }
  if (jointIterations === undefined || method.some(trainsJointly)) return
  throw new UsageError(
    'option-unused',
    `--joint-iterations is about joint training, and joint is not among ${method.join(', ')}; leave it out, or add joint.`,
  )
}

interface Given extends Pick<CommonSettings, 'seed'> {
  readonly seeds?: readonly number[] | undefined
  readonly method?: readonly string[] | undefined
  readonly jointIterations?: number | undefined
}
