import { UsageError } from '../errors.ts'
import { loadPlan, readPlanFile, writeStarterConfig } from '../train/plan/index-files.ts'
import { noteData, noteMethods, showDownload } from './data-notes.ts'
import { followRun } from './follow-run.ts'
import { modelFlags, withModelFlags } from './model-flags.ts'
import { defaultFolder } from './run-folders.ts'
import { trackingFlags } from './tracking.ts'
import { wholeOf } from './values.ts'
import { type Answer, type Call, engineFor, engineSettings, type Verb } from './verb.ts'

/** `holdfast learn`: one run from a configuration. */
export const learn: Verb = {
  name: 'learn',
  summary: 'Learn a stream of tasks as a configuration says',
  examples: [
    'holdfast learn --init holdfast.yaml',
    'holdfast learn holdfast.yaml --out runs/mine',
    'holdfast learn holdfast.yaml --model model.onnx --lora 8:16 --adapter adapter',
  ],
  args: {
    config: { type: 'positional', description: 'a YAML file; with --init the one to write', required: false },
    init: { type: 'boolean', description: 'Write a configuration to start from (default holdfast.yaml)' },
    out: {
      type: 'string',
      alias: 'o',
      description: 'Folder of the run (default in runs/); given again, goes on there',
      valueHint: 'DIR',
    },
    ...modelFlags,
    ...trackingFlags,
  },
  run: async (call) => {
    const path = call.text('config')
    if (call.on('init')) return init(path ?? 'holdfast.yaml')
    if (path === undefined) {
      throw new UsageError(
        'argument-missing',
        'holdfast learn needs a configuration. Write one to start from with: holdfast learn --init holdfast.yaml',
      )
    }
    return run(call, path)
  },
}

async function init(path: string): Promise<Answer> {
  await writeStarterConfig(path)
  return { json: { written: path }, text: `Wrote ${path}. Run it with: holdfast learn ${path}` }
}

async function run(call: Call, path: string): Promise<Answer> {
  const read = await readPlanFile(path)
  const { threads = read.threads, device = read.device } = engineSettings(call)
  const seed = wholeOf('seed', call.text('seed')) ?? read.seed
  const loaded = await loadPlan(withModelFlags({ ...read, threads, device, seed }, call), {
    download: true,
    orSynthetic: true,
    onProgress: showDownload(call.screen),
  })
  noteData(loaded, call.screen)
  noteMethods([loaded.plan], call.screen)
  const { plan } = loaded
  const folder =
    call.text('out') ?? defaultFolder(plan.name, plan.method.name, plan.stream.scenario, String(plan.seed))
  return followRun(call, loaded, { engine: engineFor(plan), folder, verb: 'learn' })
}
