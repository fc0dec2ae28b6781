import { processMemory } from '../data/machine-memory-node.ts'
import { interruptible } from '../engine/interruptible.ts'
import { answersTokens } from '../evaluate/generate/index.ts'
import { adviseMethods, type MethodAdvice, type Situation } from '../methods/advise-methods.ts'
import { adviseKeeping, type KeepAdvice } from '../methods/keep-advice.ts'
import { type LoadedModel, loadModel } from '../model/import/index-files.ts'
import {
  keepText,
  measuredText,
  measuredTextsText,
  priorText,
  situationWords,
} from '../report/advice-text.ts'
import { adviseUpdate, type MeasuredRecipe, type UpdateAdvice } from '../update/advise/index.ts'
import { adviseTexts, type MeasuredTextRecipe, type TextAdvice } from '../update/texts/index.ts'
import { loadTextUpdate } from '../update/texts/index-files.ts'
import { loadUpdate } from '../update/update-files.ts'
import { type AdviseSettings, adviseSettings } from './advise-flags.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { checkPlaces } from './places.ts'
import { readingOf, withDocumentFlags } from './shared-flags.ts'
import { showEvents } from './update-shown.ts'
import { type Answer, type Call, defineVerb } from './verb.ts'

/** `holdfast advise`: which method, at what cost, by what evidence. */
export const advise = defineVerb({
  name: 'advise',
  examples: [
    'holdfast advise model.onnx --new new/ --keep model.keep',
    'holdfast advise model.onnx --new new/ --old old/ --max-drop 2% --time 2m',
    'holdfast advise --old-data none --classes same',
    'holdfast advise --for language --old-data none --memory rows',
  ],
  settings: adviseSettings,
  run: async (asked, call) => {
    const { model, for: kind = 'classifier', oldData = 'some', classes = 'new', tasks } = asked
    if (model === undefined) return answerOf(asked, { model: kind, old: oldData, tasks, classes })
    await checkPlaces([
      { flag: 'MODEL', path: model, is: 'model' },
      { flag: '--new', path: asked.new, is: 'data' },
      { flag: '--old', path: asked.old, is: 'data' },
      { flag: '--keep', path: asked.keep, is: 'pack' },
    ])
    const loaded = await loadModel(model, { output: asked.output, bind: asked.bind })
    return answersTokens(loaded.model)
      ? onTexts(asked, call, model, loaded)
      : onRows(asked, call, model, loaded)
  },
})

/** By what our tables say, and on a classifier's own rows. */
async function onRows(asked: AdviseSettings, call: Call, model: string, given: LoadedModel): Promise<Answer> {
  const engine = interruptible(engineFor(asked), call.signal)
  const { new: fresh = '', old, keep, output, bind, numbersArePositions } = asked
  const loaded = await loadUpdate(
    {
      engine,
      model,
      fresh,
      old,
      keep,
      output,
      bind,
      numbersArePositions,
      reading: readingOf(asked),
      seed: asked.seed,
    },
    given,
  )
  try {
    sayNotes(loaded.notes, call.screen)
    call.screen.say(`Measuring for about ${asked.time} s.`)
    const advice = await adviseUpdate({
      ...{ engine, ...loaded.learner, data: loaded.data, budget: { maxDrop: asked.maxDrop } },
      ...{ time: asked.time, rows: asked.rows, seed: asked.seed, signal: call.signal },
    })
    return answerOf(asked, { ...advice.situation, tasks: asked.tasks }, { advice, folder: loaded.folder })
  } finally {
    loaded.close()
  }
}

/** By what our tables say, and on a language model's own texts. */
async function onTexts(
  asked: AdviseSettings,
  call: Call,
  model: string,
  given: LoadedModel,
): Promise<Answer> {
  const engine = interruptible(engineFor(asked), call.signal)
  const { new: fresh = '', old, keep, output, bind, seed, maxDrop, time, rows } = asked
  call.screen.stage('reading texts')
  const { learner, notes, folder } = await loadTextUpdate(
    {
      ...{ engine, model, fresh, old, keep, output, bind, seed },
      // What the model writes itself says nothing of what is kept.
      ...{ selfWritten: 0, reading: withDocumentFlags(readingOf(asked), asked), signal: call.signal },
    },
    given,
  )
  sayNotes(notes, call.screen)
  call.screen.say(`Measuring for about ${time} s.`)
  const advice = await adviseTexts({
    ...{ engine, ...learner, budget: { unit: 'relative', maxChange: maxDrop } },
    memory: processMemory(),
    ...{ time, most: rows, seed, signal: call.signal, onEvent: showEvents(call.screen) },
  })
  return answerOf(asked, advice.situation, { advice, folder })
}

/** A recipe that was measured, whatever it was measured on. */
type Measured = MeasuredRecipe | MeasuredTextRecipe

interface Found {
  readonly advice?: UpdateAdvice | TextAdvice
  /** Whether the model came as a folder, and is to be written as one. */
  readonly folder?: boolean
}

function answerOf(
  asked: AdviseSettings,
  situation: Situation,
  { advice, folder = false }: Found = {},
): Answer {
  const prior = adviseMethods(situation)
  const keeping = asked.memory && adviseKeeping(asked.memory, situation.model)
  const best = advice?.measured[0]
  const command = commandFor(asked, situation, { prior, best, folder })
  // Where rows were measured, what this process came to bounds what an update of as many takes.
  const peakBytes = advice && advice.measured.length > 0 ? 1024 * process.resourceUsage().maxRSS : null
  return {
    json: {
      schema: 'holdfast.advice/1',
      situation,
      command,
      prior,
      measured: advice?.measured ?? [],
      unmeasured: advice?.unmeasured ?? [],
      before: advice?.before ?? null,
      ...(advice && 'texts' in advice ? { texts: advice.texts } : { rows: advice?.rows ?? null }),
      peakBytes,
      keep: keeping ?? null,
      notes: advice?.notes ?? [],
    },
    text: textOf({ situation, command, advice, prior, keeping, peakBytes }).join('\n'),
  }
}

interface Said {
  readonly situation: Situation
  readonly command: string | undefined
  readonly advice: UpdateAdvice | TextAdvice | undefined
  readonly prior: MethodAdvice
  readonly keeping: KeepAdvice | undefined
  readonly peakBytes: number | null
}

const textOf = ({ situation, command, advice, prior, keeping, peakBytes }: Said): string[] => [
  `Situation: ${situationWords(situation)}.`,
  ...(command === undefined ? [] : [`Advice: ${command}`]),
  ...(situation.tasks === 'told' && situation.model === 'classifier' ? [toldHeads] : []),
  '',
  ...(advice ? [...('texts' in advice ? measuredTextsText(advice) : measuredText(advice)), ''] : []),
  ...(peakBytes === null
    ? []
    : [
        `This process took at most ${(peakBytes / 2 ** 20).toFixed(0)} MiB, all recipes one after another.`,
        '',
      ]),
  ...priorText(prior),
  ...(keeping ? ['', ...keepText(keeping)] : []),
]

const toldHeads =
  'Tasks that are known can have a head each, which holdfast learn trains; an update writes the one head that the file has, for all classes.'

/** The command that does what is advised; undefined where `learn` does it, whose settings are a file. */
function commandFor(
  asked: AdviseSettings,
  situation: Situation,
  {
    prior,
    best,
    folder,
  }: { readonly prior: MethodAdvice; readonly best: Measured | undefined; readonly folder: boolean },
): string | undefined {
  if (best === undefined && prior.ranked[0]?.verb === 'learn') return undefined
  const { model = 'MODEL', new: fresh = 'NEW', old, keep, maxDrop } = asked
  const left = keep === undefined ? (old ?? (situation.old === 'none' ? undefined : 'OLD')) : undefined
  const self = situation.model === 'language' && situation.old === 'none'
  const words = [
    `holdfast update ${model} --new ${fresh}`,
    keep === undefined ? undefined : `--keep ${keep}`,
    situation.old === 'sums' && keep === undefined
      ? '--keep model.keep'
      : (left !== undefined || self) && `--old ${self ? 'self' : left}`,
    `--max-drop ${Number((100 * maxDrop).toFixed(4))}%`,
    best?.asked.method === undefined ? undefined : `--method ${best.asked.method}`,
    best && `--rungs ${best.asked.rungs.join(',')}`,
    situation.old === 'sums' && '--expand-head 2000',
    `-o ${folder ? 'better' : 'better.onnx'}`,
  ]
  return words.filter((word) => typeof word === 'string').join(' ')
}
