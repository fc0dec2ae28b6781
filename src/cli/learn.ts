import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { idleNotes, parsePlan, planStream, type RunPlan } from '../train/plan/index.ts'
import { loadPlan, readPlanFile, writeStarterConfig } from '../train/plan/index-files.ts'
import { type BorderSettings, borderFlags, withBorderFlags } from './border-flags.ts'
import { noteData, noteMethods, noteTasks, sayNotes, showDownload, showWriting } from './data-notes.ts'
import { engineFor, sharesOf } from './engine.ts'
import { group, on, path } from './flags/index.ts'
import { followRun, refuseEncoder } from './follow-run.ts'
import { type ModelSettings, modelFlags, withModelFlags } from './model-flags.ts'
import type { Outputs } from './outputs.ts'
import { checkPlaces, olderAdapter } from './places.ts'
import { planReads } from './plan-reads.ts'
import { queueAndStoreFlags } from './queue-client.ts'
import { type ReplicaPlace, type ReplicaSettings, replicaFlags, withReplicaFlags } from './replica-flags.ts'
import { defaultFolder, ownRun, ownRuns } from './run-folders.ts'
import {
  augmentFlag,
  type DocumentSettings,
  documentFlags,
  recomputeFlag,
  withDocumentFlags,
} from './shared-flags.ts'
import { trackingFlags } from './tracking.ts'
import { type Answer, type CommonSettings, defineVerb } from './verb.ts'

const DEFAULT_CONFIG = 'holdfast.yaml'

const settings = z
  .object({
    config: path('CONFIG').optional().meta({
      argument: true,
      description: 'A YAML file; with --init the one to write',
    }),
    ...group('Run', {
      init: on().meta({ description: `Write a configuration to start from, ${DEFAULT_CONFIG} unless named` }),
      out: path('DIR').optional().meta({
        description: 'Folder of the run; given again, goes on there',
        otherwise: 'in runs/',
        alias: 'o',
      }),
    }),
    ...group('Data', {
      unlabelled: path('DIR').optional().meta({
        description: 'Rows without labels, for methods that learn from them (distil)',
        otherwise: 'those of the configuration',
      }),
    }),
    ...group('Training', recomputeFlag),
    ...borderFlags,
    ...augmentFlag,
    ...documentFlags,
    ...modelFlags,
    ...replicaFlags,
    ...queueAndStoreFlags,
    ...trackingFlags,
  })
  .refine(({ init, config }) => init || config !== undefined, {
    error:
      'holdfast learn needs a configuration. Write one to start from with: holdfast learn --init holdfast.yaml',
    params: { code: 'argument-missing' },
  })

/** `holdfast learn`: one run from a configuration. */
export const learn = defineVerb({
  name: 'learn',
  examples: [
    'holdfast learn --init holdfast.yaml',
    'holdfast learn holdfast.yaml --out runs/mine',
    'holdfast learn holdfast.yaml --replicas 2 --local-steps 200',
    'holdfast learn holdfast.yaml --model model.onnx --lora 8:16 --adapter adapter',
    'holdfast learn holdfast.yaml --unlabelled photos/',
  ],
  settings,
  run: async (asked, call, outputs) => {
    const { config = DEFAULT_CONFIG } = asked
    if (asked.init) return init(config, outputs)
    await checkPlaces([{ flag: 'CONFIG', path: config, is: 'config' }])
    const wanted = asChanged(await readPlanFile(config, { old: asked.old }), asked)
    if (wanted.distil) {
      throw new UsageError(
        'config',
        `${config} has teachers (distil), and holdfast learn learns from labels. Teach with: holdfast distil ${wanted.distil.teachers.join(' ')} --into STUDENT --data DIR`,
      )
    }
    const folder =
      asked.out ?? defaultFolder(wanted.name, wanted.method.name, wanted.stream.scenario, String(wanted.seed))
    await checkPlaces(
      [{ flag: 'CONFIG', path: config, is: 'config' }, ...planReads(wanted, asked)],
      [
        { flag: '--out', path: folder, kind: 'folder', mine: ownRun },
        { flag: '--adapter', path: adapterOf(wanted), kind: 'folder', mine: olderAdapter },
        { flag: '--tensorboard', path: asked.tensorboard, kind: 'folder' },
        { flag: '--store', path: asked.store, kind: 'folder', mine: ownRuns },
      ],
      outputs,
    )
    const loaded = await loadPlan(wanted, {
      download: true,
      orSynthetic: true,
      onProgress: showDownload(call.screen),
      engine: engineFor,
      onWriting: showWriting(call.screen),
    })
    noteData(loaded, call.screen)
    noteMethods([loaded.plan], call.screen)
    noteTasks(loaded.plan, call.screen)
    const { tasks } = planStream(loaded.plan, loaded.inputs.data)
    sayNotes(idleNotes(loaded.plan, tasks.length), call.screen)
    const engine = engineFor(loaded.plan)
    await refuseEncoder(loaded, engine)
    return followRun(call, asked, loaded, { engine, folder, verb: 'learn' })
  },
})

/** Rows without labels beside the configuration's. */
interface Bare {
  readonly unlabelled?: string | undefined
}

const adapterOf = ({ model }: RunPlan) => (model.kind === 'onnx' ? model.adapter : undefined)

async function init(path: string, outputs: Outputs): Promise<Answer> {
  await checkPlaces([], [{ flag: '--init', path }], outputs)
  await writeStarterConfig(path)
  return { json: { written: path }, text: `Wrote ${path}. Run it with: holdfast learn ${path}` }
}

/** The plan with what the flags say instead. */
function asChanged(
  read: RunPlan,
  asked: CommonSettings &
    ModelSettings &
    DocumentSettings &
    ReplicaSettings &
    ReplicaPlace &
    BorderSettings &
    Bare &
    Pick<RunPlan, 'augment' | 'recompute'>,
): RunPlan {
  const places = asked.replicas ?? read.replicas?.count ?? 1
  // Workers do one thing a core.
  const share = asked.queue === undefined ? sharesOf({}, places).threads : 1
  const { threads = read.threads ?? share, device = read.device, seed = read.seed } = asked
  const { augment = read.augment } = asked
  const recompute = asked.recompute || read.recompute
  const { unlabelled } = asked
  const named = unlabelled === undefined ? read.data : { ...read.data, unlabelled }
  const data = withDocumentFlags(named, asked)
  const plan = { ...read, threads, device, seed, ...(augment && { augment }), recompute, data }
  const checked = data === read.data ? plan : parsePlan(plan, 'the configuration with these flags')
  return withReplicaFlags(withBorderFlags(withModelFlags(checked, asked), asked), asked)
}
