import { z } from 'zod'
import { loadIds } from '../data/formats/index-files.ts'
import { gateJunit } from '../report/gate-junit.ts'
import { gateMarkdown } from '../report/gate-markdown.ts'
import { gateText } from '../report/gate-text.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import {
  type FlipRecord,
  flipRecords,
  type GateResult,
  gateDefaults,
  gate as runGate,
} from '../update/gate/index.ts'
import {
  type GateInputs,
  type GateSources,
  languageKinds,
  loadGate,
  loadGateModels,
  loadLanguageGate,
} from '../update/gate/index-files.ts'
import { readTraffic } from '../update/pack/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { fromText, group, jsonLines, path, share } from './flags/index.ts'
import { lines, refuseOtherFlags, runLanguageGate } from './gate-language.ts'
import { checkPlaces } from './places.ts'
import { promptFlags, promptsAsked } from './prompt-flags.ts'
import {
  bindFlag,
  confidence,
  documentFlags,
  numbersFlag,
  outputFlag,
  readingFlags,
  readingOf,
  withDocumentFlags,
} from './shared-flags.ts'
import { oneTextBudget, textBudgetFlags } from './text-budget.ts'
import { defineVerb, verdictCodes } from './verb.ts'

const files = group('Output', {
  junit: path('FILE.xml').optional().meta({ description: 'Write JUnit XML there' }),
  markdown: path('FILE.md').optional().meta({ description: 'Write Markdown there' }),
  html: path('FILE.html').optional().meta({ description: 'Of language models: write a page there' }),
  flips: path('FILE.jsonl')
    .optional()
    .meta({ description: 'Write the flips there, one a line; of texts all documents, the worst first' }),
  new: path('DIR')
    .optional()
    .meta({ description: 'New training data: --flips then names the nearest example' }),
  savePredictions: jsonLines().optional().meta({
    description:
      "Write the candidate's predictions, or losses of texts and answers, there: they stand in place of the model",
  }),
})

const { documents, paragraphs, overlap } = documentFlags
const textFlags = { documents, paragraphs, overlap }

const settings = z
  .object({
    baseline: path('BASELINE').meta({
      argument: true,
      description: 'The old model (.onnx, or its folder) or its predictions (.jsonl, .csv)',
    }),
    candidate: path('CANDIDATE').meta({ argument: true, description: 'The new model or its predictions' }),
    data: path('DIR')
      .optional()
      .meta({ description: 'Data to evaluate models on: its test part, else all', group: 'Rules' }),
    probes: path('FILE.jsonl').optional().meta({
      description:
        'Questions for language models: which are right before and after, in place of --data or with it',
      group: 'Rules',
    }),
    ...group('Rules', {
      maxDrop: share()
        .optional()
        .meta({
          description:
            'Drop in accuracy allowed; of language models the increase in bits per byte, as a share',
          otherwise: `${100 * gateDefaults.maxDrop}%`,
        }),
      ...textBudgetFlags,
      maxDropProbes: share().optional().meta({
        description: 'Drop in accuracy on --probes allowed',
        otherwise: '--max-drop',
      }),
      maxDropPerClass: share()
        .optional()
        .meta({ description: 'Fail where a class is shown to have lost more' }),
      maxDropPerSlice: share()
        .optional()
        .meta({ description: 'Fail where a slice is shown to have lost more' }),
      maxNegativeFlips: share()
        .optional()
        .meta({ description: 'Fail where a larger share was right and is wrong now' }),
      neverFlip: path('ids.txt')
        .optional()
        .meta({ description: 'Ids, one a line, that must not turn from right to wrong' }),
      golden: path('FILE')
        .optional()
        .meta({ description: 'A pinned older model, or its predictions, to hold against too' }),
      budgetOn: fromText(z.enum(['deployed', 'balanced', 'both']))
        .default('deployed')
        .meta({
          description: 'Which drop is held: classes as often as they come, each class the same, or both',
        }),
      traffic: path('shares.csv|json|FILE.keep').optional().meta({
        description: 'How often each class comes where the models are used',
        otherwise: 'as in the data',
      }),
      maxDropTotal: share().optional().meta({
        description: 'Drop allowed against --golden, over all releases since',
        otherwise: '--max-drop',
      }),
      confidence: confidence().default(gateDefaults.confidence).meta({ description: 'Of each bound' }),
    }),
    ...promptFlags,
    ...readingFlags,
    ...textFlags,
    ...outputFlag,
    ...bindFlag,
    ...numbersFlag,
    ...files,
  })
  .refine(oneTextBudget.holds, { error: oneTextBudget.error })
  .refine(promptsAsked.holds, { error: promptsAsked.error })
  .refine(({ maxDropTotal, golden }) => maxDropTotal === undefined || golden !== undefined, {
    error: '--max-drop-total needs --golden, the older model it is held against.',
  })
  .refine(({ new: fresh, flips }) => fresh === undefined || flips !== undefined, {
    error: '--new needs --flips, the file that names the nearest examples.',
  })

type GateSettings = z.output<typeof settings>

/** `holdfast gate`: may the new model replace the old one? */
export const gate = defineVerb({
  name: 'gate',
  examples: [
    'holdfast gate model.onnx better.onnx --data old-test/ --max-drop 1%',
    'holdfast gate gpt/ better/ --data texts/ --max-drop 2% --probes facts.jsonl --max-drop-probes 1%',
    'holdfast gate old.jsonl new.jsonl --max-drop 1% --max-negative-flips 0.5% --junit gate.xml --markdown gate.md',
  ],
  settings,
  run: async (asked, { screen, command }, outputs) => {
    const { baseline, candidate, golden, data, probes, preprocessing, output, bind, neverFlip } = asked
    await checkPlaces(
      [
        { flag: 'BASELINE', path: baseline, is: 'model', predictions: true },
        { flag: 'CANDIDATE', path: candidate, is: 'model', predictions: true },
        { flag: '--golden', path: golden, is: 'model', predictions: true },
        { flag: '--data', path: data, is: 'data' },
        { flag: '--probes', path: probes, is: 'file' },
        { flag: '--prompts', path: asked.prompts, is: 'file' },
        { flag: '--new', path: asked.new, is: 'data' },
        { flag: '--never-flip', path: neverFlip, is: 'file' },
        { flag: '--traffic', path: asked.traffic, is: 'file' },
        { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
      ],
      [
        { flag: '--junit', path: asked.junit },
        { flag: '--markdown', path: asked.markdown },
        { flag: '--html', path: asked.html },
        { flag: '--flips', path: asked.flips },
        { flag: '--save-predictions', path: asked.savePredictions },
      ],
      outputs,
    )
    const listed = neverFlip === undefined ? undefined : await loadIds(neverFlip)
    const sources: GateSources = {
      engine: engineFor(asked),
      baseline,
      candidate,
      golden,
      data,
      probes,
      prompts: asked.prompts,
      promptTokens: asked.promptTokens,
      preprocessing,
      reading: withDocumentFlags(readingOf(asked), asked),
      output,
      bind,
      numbersArePositions: asked.numbersArePositions,
    }
    const models = await loadGateModels(sources)
    const language = await languageKinds(sources, models)
    refuseOtherFlags(asked, language)
    for (const [flag, given] of [['--data', data] as const, ['--probes', probes] as const]) {
      if (given === undefined || models.size > 0) continue
      screen.warn(`note: both sides are predictions, so ${flag} was not read.`)
    }
    if (language) {
      const inputs = await loadLanguageGate(sources, models, language)
      sayNotes(inputs.notes, screen)
      const { verdict, ...answer } = await runLanguageGate({ ...asked, neverFlip: listed }, inputs, command)
      return { ...answer, exitCode: verdictCodes[verdict] }
    }
    const inputs = await loadGate(sources, models)
    sayNotes(inputs.notes, screen)
    if (inputs.dataset?.synthetic) {
      screen.warn('note: synthetic digits drawn by Holdfast; this verdict says nothing of real data.')
    }
    const {
      maxDrop = gateDefaults.maxDrop,
      maxDropPerClass,
      maxDropPerSlice,
      maxNegativeFlips,
      maxDropTotal,
      budgetOn,
    } = asked
    const traffic = asked.traffic === undefined ? undefined : await readTraffic(asked.traffic)
    const result = runGate(inputs.baseline, inputs.candidate, {
      maxDrop,
      maxDropPerClass,
      maxDropPerSlice,
      maxNegativeFlips,
      maxDropTotal,
      budgetOn,
      traffic,
      confidence: asked.confidence,
      neverFlip: listed,
      golden: inputs.golden,
    })
    const written = await writeFiles(asked, inputs, result)
    return {
      json: { ...result, notes: inputs.notes },
      text: [gateText(result), ...written.map((file) => `Written: ${file}`)].join('\n'),
      exitCode: verdictCodes[result.verdict],
    }
  },
})

async function writeFiles(asked: GateSettings, inputs: GateInputs, result: GateResult): Promise<string[]> {
  const flips = flipRecords(inputs.baseline, inputs.candidate)
  const { predictions } = inputs.candidate
  const wanted: readonly (readonly [Exclude<keyof typeof files, 'html'>, () => Promise<string> | string])[] =
    [
      ['junit', () => gateJunit(result)],
      ['markdown', () => gateMarkdown(result, flips)],
      ['flips', () => flipLines(asked, inputs, flips)],
      [
        'savePredictions',
        () => lines(predictions.map(({ slices, ...rest }) => (slices ? { ...rest, slice: slices } : rest))),
      ],
    ]
  const written: string[] = []
  for (const [flag, content] of wanted) {
    const file = asked[flag]
    if (file === undefined) continue
    await writeWhole(file, await content())
    written.push(file)
  }
  return written
}

async function flipLines(
  { new: fresh }: GateSettings,
  inputs: GateInputs,
  flips: readonly FlipRecord[],
): Promise<string> {
  const nearest = fresh === undefined ? [] : await inputs.nearestNew(fresh, flips)
  return lines(
    flips.map((flip, at) => ({
      ...flip,
      input: inputs.inputOf(flip.id),
      nearestNew: nearest[at],
    })),
  )
}
