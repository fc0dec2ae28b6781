import { z } from 'zod'
import { interruptible } from '../engine/interruptible.ts'
import { evaluateText } from '../report/evaluate-text.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { evaluateFiles } from '../update/evaluate/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { group, jsonLines, on, path } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { promptFlags, promptsAsked } from './prompt-flags.ts'
import {
  bindFlag,
  documentFlags,
  numbersFlag,
  outputFlag,
  readingFlags,
  readingOf,
  withDocumentFlags,
} from './shared-flags.ts'
import { defineVerb } from './verb.ts'

const { documents, paragraphs, overlap } = documentFlags

const settings = z
  .object({
    models: z.array(z.string()).min(1).meta({
      argument: true,
      description: 'The models (.onnx, or folders with one), to be shown side by side',
      hint: 'MODEL',
    }),
    ...group('Figures', {
      data: path('DIR').optional().meta({
        description:
          'Data to measure models on: their test part, else all. Texts for a language model, else rows with labels',
      }),
      probes: path('FILE.jsonl').optional().meta({
        description: 'Questions with choices, or prompts with an exact answer, for a language model',
      }),
      byDocument: on().meta({ description: 'The loss on each document, too' }),
    }),
    ...promptFlags,
    ...readingFlags,
    ...{ documents, paragraphs, overlap },
    ...outputFlag,
    ...bindFlag,
    ...numbersFlag,
    ...group('Output', {
      savePredictions: jsonLines().optional().meta({
        description: 'Write what one model answered to probes or labelled rows there, for holdfast gate',
      }),
    }),
  })
  .refine(({ data, probes, prompts }) => (data ?? probes ?? prompts) !== undefined, {
    error: 'holdfast evaluate needs --data DIR, --probes FILE.jsonl or --prompts FILE.',
    params: { code: 'argument-missing' },
  })
  .refine(promptsAsked.holds, { error: promptsAsked.error })
  .refine(({ savePredictions, models }) => savePredictions === undefined || models.length === 1, {
    error: '--save-predictions is for one model at a time.',
  })

/** `holdfast evaluate`: what models are worth on data and probes. */
export const evaluate = defineVerb({
  name: 'evaluate',
  examples: [
    'holdfast evaluate model.onnx --data old-test/',
    'holdfast evaluate gpt.onnx better.onnx --data texts/ --probes facts.jsonl --by-document',
  ],
  settings,
  run: async (asked, { screen, signal }, outputs) => {
    const { models, data, probes, savePredictions } = asked
    await checkPlaces(
      [
        ...models.map((model) => ({ flag: 'MODEL', path: model, is: 'model' as const })),
        { flag: '--data', path: data, is: 'data' },
        { flag: '--probes', path: probes, is: 'file' },
        { flag: '--prompts', path: asked.prompts, is: 'file' },
        { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
      ],
      [{ flag: '--save-predictions', path: savePredictions }],
      outputs,
    )
    const { preprocessing, output, bind, numbersArePositions, byDocument } = asked
    const { evaluation, predictions } = await evaluateFiles({
      engine: interruptible(engineFor(asked), signal),
      ...{ prompts: asked.prompts, promptTokens: asked.promptTokens },
      ...{ models, data, probes, preprocessing, output, bind, numbersArePositions, byDocument },
      reading: withDocumentFlags(readingOf(asked), { ...asked, pack: undefined }),
      predictions: savePredictions !== undefined,
    })
    sayNotes(evaluation.notes, screen)
    if (evaluation.data?.synthetic) {
      screen.warn('note: synthetic digits drawn by Holdfast; these figures say nothing of real data.')
    }
    const [json, text] = [{ schema: 'holdfast.evaluate/1', ...evaluation }, evaluateText(evaluation)]
    const [set] = predictions
    if (savePredictions === undefined || !set) return { json, text }
    await writeWhole(savePredictions, set.predictions.map((each) => `${JSON.stringify(each)}\n`).join(''))
    return { json, text: `${text}\nWritten: ${savePredictions}` }
  },
})
