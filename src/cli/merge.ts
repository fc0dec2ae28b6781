import { z } from 'zod'
import { count } from '../count.ts'
import { UsageError } from '../errors.ts'
import { answersTokens } from '../evaluate/generate/index.ts'
import { gateText } from '../report/gate-text.ts'
import { gateDefaults, gate as runGate } from '../update/gate/index.ts'
import { type GateInputs, type KnownData, loadGate } from '../update/gate/index-files.ts'
import { type Merged, mergeModels, saveMerged } from '../update/merge/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { fromText, group, path, share } from './flags/index.ts'
import { checkModelEnding } from './model-ending.ts'
import { checkPlaces } from './places.ts'
import { bindFlag, confidence, numbersFlag, outputFlag, readingFlags, readingOf } from './shared-flags.ts'
import { type CommonSettings, defineVerb, verdictCodes } from './verb.ts'

const paths = z.array(z.string().min(1)).min(1)

const settings = z
  .object({
    model: z.array(z.string()).default([]).meta({
      argument: true,
      description: 'Models that were trained from the base, each on data of its own',
      hint: 'MODEL',
    }),
    ...group('Merge', {
      base: path('BASE').meta({ description: 'The model that all were trained from' }),
      fisher: fromText(paths).optional().meta({
        description:
          'How much each weight matters to each model, as holdfast fisher writes it, in the order of the models',
        otherwise: 'the plain mean',
        hint: 'FILE,FILE',
      }),
      shares: fromText(z.array(z.number().gt(0)).min(1))
        .optional()
        .meta({
          description: 'How much each model counts, its rows perhaps',
          otherwise: 'all alike',
          hint: 'N,N',
        }),
      keep: fromText(paths).optional().meta({
        description:
          'Packs of holdfast keep whose sums add up to the head, exactly; the weights below it have to be the same',
        hint: 'FILE.keep,FILE.keep',
      }),
      out: path('FILE.onnx').meta({ description: 'The merged model', alias: 'o' }),
    }),
    ...group('Gate', {
      data: path('DIR')
        .optional()
        .meta({ description: 'Rows that no model trained on, to hold the merged model against the base' }),
      maxDrop: share()
        .optional()
        .meta({ description: 'Drop in accuracy allowed', otherwise: `${100 * gateDefaults.maxDrop}%` }),
      confidence: confidence()
        .optional()
        .meta({ description: 'Of the bound', otherwise: String(gateDefaults.confidence) }),
    }),
    ...readingFlags,
    ...outputFlag,
    ...bindFlag,
    ...numbersFlag,
  })
  .refine(({ model, keep }) => model.length !== 1 || keep === undefined, {
    error:
      'One model is nothing to merge. A head is worked out from packs (--keep) for the base: name the model with --base alone, or name the others that were trained from the base, too.',
    params: { code: 'argument-missing' },
  })
  .refine(({ model, keep }) => model.length > 1 || keep !== undefined, {
    error: 'holdfast merge needs two or more models, or packs to work a head out from (--keep).',
    params: { code: 'argument-missing' },
  })
  .refine(({ fisher, model }) => fisher === undefined || model.length > 0, {
    error: '--fisher is of models that are merged; name them, or leave it out.',
  })
  .refine(({ data, maxDrop, confidence: level }) => data !== undefined || (maxDrop ?? level) === undefined, {
    error:
      '--max-drop and --confidence are of the test that holds the merged model against its base, and there are no rows for it. Name some that no model trained on with --data DIR, or leave the flags out.',
    params: { code: 'option-unused' },
  })

type Settings = z.output<typeof settings> & CommonSettings

/** `holdfast merge`: several sites' updates of one model as one, without their data. */
export const merge = defineVerb({
  name: 'merge',
  examples: [
    'holdfast merge north.onnx south.onnx --base model.onnx -o merged.onnx',
    'holdfast merge north.onnx south.onnx --base model.onnx --fisher north.safetensors,south.safetensors --data test/ -o merged.onnx',
    'holdfast merge --base model.onnx --keep north.keep,south.keep -o merged.onnx',
  ],
  settings,
  run: async (asked, { screen }, outputs) => {
    const { base, model: models, fisher, keep: packs, shares, out, data, output, bind } = asked
    await checkPlaces(
      [
        ...models.map((one) => ({ flag: 'MODEL', path: one, is: 'model' as const })),
        { flag: '--base', path: base, is: 'model' },
        ...(fisher ?? []).map((one) => ({ flag: '--fisher', path: one, is: 'file' as const })),
        ...(packs ?? []).map((one) => ({ flag: '--keep', path: one, is: 'file' as const })),
        { flag: '--data', path: data, is: 'data' },
      ],
      [{ flag: '-o', path: out, held: true }],
      outputs,
    )
    checkModelEnding(out)
    const merged = await mergeModels({ base, models, fisher, shares, packs, output, bind })
    if (data !== undefined && answersTokens(merged.base.model)) {
      throw new UsageError(
        'merge-flag',
        `--data holds what is merged against its base on rows with labels, and ${base} is a language model, which has no classes. Leave it out, and judge by texts afterwards: holdfast gate ${base} ${out} --data ${data}. Nothing was written.`,
      )
    }
    sayNotes(merged.notes, screen)
    // Before anything is written: data that cannot be read leave nothing behind.
    const known: KnownData = new Map()
    const before = data === undefined ? undefined : await sideOf(asked, data, base, known)
    const beside = await saveMerged(out, merged)
    const said = {
      schema: 'holdfast.merge/1',
      base,
      models,
      out,
      weights: merged.weights,
      head: merged.head,
      rows: merged.rows ?? null,
    }
    const written = [
      wordsFor(merged, models.length),
      ...[out, ...beside].map((file) => `Written: ${file}`),
    ].join('\n')
    if (!before || data === undefined) return { json: { ...said, gate: null }, text: written }
    const after = await sideOf(asked, data, out, known)
    sayNotes([...new Set([...before.notes, ...after.notes])], screen)
    const { maxDrop = gateDefaults.maxDrop, confidence: level } = asked
    const result = runGate(before.baseline, after.candidate, { maxDrop, confidence: level })
    return {
      json: { ...said, gate: result },
      text: [written, '', gateText(result)].join('\n'),
      exitCode: verdictCodes[result.verdict],
    }
  },
})

/** What one of the two models answers on the rows, which are read once for both. */
const sideOf = (asked: Settings, data: string, model: string, known: KnownData): Promise<GateInputs> =>
  loadGate({
    ...{ engine: engineFor(asked), baseline: model, candidate: model, data, known },
    ...{ output: asked.output, bind: asked.bind, preprocessing: asked.preprocessing },
    ...{ reading: readingOf(asked), numbersArePositions: asked.numbersArePositions },
  })

function wordsFor({ weights, head, rows }: Merged, models: number): string {
  const below =
    weights === 'base'
      ? 'The weights are those of the base'
      : `The weights are ${weights === 'fisher' ? 'the mean, each by its Fisher,' : 'the mean'} of ${count(models, 'model')}`
  return head === 'sums'
    ? `${below}; the head is ridge regression on all ${rows?.toLocaleString('en-US')} rows that the packs summed.`
    : `${below}.`
}
