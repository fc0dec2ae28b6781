import { asWarning } from '../data/notes.ts'
import { physicalCores } from '../engine/cores-node.ts'
import { CheckpointError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { readRunConfig } from '../train/folders/index-files.ts'
import { preparePlan, type RunPlan } from '../train/plan/index.ts'
import { type LoadedPlan, loadPlan } from '../train/plan/index-files.ts'
import { secondsPerStep } from '../train/run/index.ts'
import { trainedOnWarning } from '../update/overlaps.ts'
import { noteData, showDownload } from './data-notes.ts'
import { type DistilSettings, distilSettings } from './distil-flags.ts'
import { distilPlan, isConfig } from './distil-plan.ts'
import { engineFor } from './engine.ts'
import { refuseEncoder } from './follow-run.ts'
import { followStudent } from './follow-student.ts'
import { checkPlaces } from './places.ts'
import { defaultFolder, ownRun } from './run-folders.ts'
import { defineVerb } from './verb.ts'

/** `holdfast distil`: what models answer, taught to another one. */
export const distil = defineVerb({
  name: 'distil',
  examples: [
    'holdfast distil teacher.onnx --into student.onnx --data rows/ -o student',
    'holdfast distil teacher.onnx --into student.yaml --unlabelled photos/ --time 30m -o student',
    'holdfast distil a.onnx b.onnx --into small.yaml --data rows/ --max-drop 2% --report distil.html',
    'holdfast distil gpt/ --into small-gpt/ --data texts/ --max-drop 10% -o small',
  ],
  settings: distilSettings,
  run: async (asked, call, outputs) => {
    const folder = asked.out ?? defaultFolder('distil', String(asked.seed ?? 0))
    await checkPlaces(
      [
        ...asked.teacher.map((path) => ({ flag: 'TEACHER', path, is: 'model' as const })),
        { flag: '--into', path: asked.into, is: isConfig(asked.into) ? 'config' : 'model' },
        { flag: '--data', path: asked.data, is: 'data' },
        { flag: '--unlabelled', path: asked.unlabelled, is: 'data' },
        { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
      ],
      [
        { flag: '--out', path: folder, kind: 'folder', mine: ownRun },
        { flag: '--report', path: asked.report },
        { flag: '--tensorboard', path: asked.tensorboard, kind: 'folder' },
      ],
      outputs,
    )
    const { threads = physicalCores(), ...read } = await distilPlan(asked)
    const found = await loadPlan(
      { ...read, threads },
      { download: true, onProgress: showDownload(call.screen), engine: engineFor, folder },
    )
    const loaded = { ...found, notes: [...found.notes, ...judgedTwice(found)] }
    noteData(loaded, call.screen)
    const engine = engineFor(loaded.plan)
    await refuseEncoder(loaded, engine)
    const timed = await withinTime(asked, loaded, folder)
    if (timed.plan !== loaded.plan) call.screen.say(`Steps that fit: ${timed.plan.iterations}.`)
    return followStudent(call, asked, timed, { engine, folder, verb: 'distil' })
  },
})

/** Rows that train and judge, as a warning; of texts loading tells it, by documents. */
function judgedTwice({ plan, inputs }: LoadedPlan): readonly string[] {
  const { train, test } = itemAt(inputs.data, 0, 'data')
  if (plan.loss === 'causal-lm' || train === test) return []
  return trainedOnWarning(train, test, plan.distil?.labelled ?? false).map(asWarning)
}

/** The plan with as many steps as end in the time given; a run that has begun keeps those that it began with. */
async function withinTime(
  { time }: Pick<DistilSettings, 'time'>,
  loaded: LoadedPlan,
  folder: string,
): Promise<LoadedPlan> {
  if (time === undefined) return loaded
  const { plan, inputs } = loaded
  const begun = await begunIn(folder)
  const prepared = preparePlan(plan, inputs)
  const steps =
    begun?.plan.iterations ??
    Math.floor(time / (await secondsPerStep({ ...prepared, engine: engineFor(plan) })))
  const { epochs: _, ...rest } = plan
  const shorter: RunPlan = { ...rest, iterations: Math.max(1, Math.min(steps, prepared.iterations)) }
  return { ...loaded, plan: shorter }
}

/** The run that a folder holds; undefined where there is none yet. */
const begunIn = (folder: string) =>
  readRunConfig(folder).catch((error: unknown) => {
    if (error instanceof CheckpointError && error.code === 'run-missing') return undefined
    throw error
  })
