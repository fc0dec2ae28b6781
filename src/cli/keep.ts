import { stat } from 'node:fs/promises'
import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { UsageError } from '../errors.ts'
import { keepDefaults, type PackBudget, summarisePack } from '../update/pack/index.ts'
import {
  extendFile,
  type KeepSources,
  keepFile,
  mergeFiles,
  readPack,
  readTraffic,
  type WrittenPack,
} from '../update/pack/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { fromText, group, on, path } from './flags/index.ts'
import { packText } from './keep-text.ts'
import { checkPlaces } from './places.ts'
import { bindFlag, numbersFlag, outputFlag, readingFlags, readingOf } from './shared-flags.ts'
import { type Answer, type Call, type CommonSettings, defineVerb } from './verb.ts'

const settings = z
  .object({
    models: z
      .array(z.string())
      .default([])
      .meta({ argument: true, description: 'The model (.onnx); with --merge the packs', hint: 'MODEL' }),
    ...group('What to keep', {
      model: path('FILE.onnx').optional().meta({ description: 'The model; with --extend the updated one' }),
      data: path('DIR').optional().meta({
        description: 'What the model was trained on, with a test or validation part to hold out',
      }),
      budget: fromText(bounds.rows())
        .optional()
        .meta({ description: 'Exemplars in all', otherwise: String(keepDefaults.rows) }),
      perClass: fromText(bounds.rows())
        .optional()
        .meta({ description: 'Exemplars of each class, instead of --budget' }),
      choose: fromText(z.enum(['herding', 'random', 'hardest']))
        .optional()
        .meta({ description: 'Which ones', otherwise: keepDefaults.choose }),
      heldOut: fromText(bounds.rows(0))
        .default(keepDefaults.heldOutRows)
        .meta({ description: 'Held-out rows at most', option: 'heldOutRows' }),
      heldOutActivations: fromText(bounds.rows(0)).optional().meta({
        description:
          'More of them at most, as what the layers below a cut make of them: small, and proof of what trains above it',
        otherwise: 'none',
      }),
      activationsAt: path('VALUE').optional().meta({
        description: 'Where: a value of the model’s graph',
        otherwise: 'what the head reads',
      }),
      traffic: path('shares.csv|json').optional().meta({
        description: 'How often each class comes where the model is used',
        otherwise: 'as in the data',
      }),
      private: on().meta({ description: 'Store features, never inputs: then only the head can be trained' }),
      sumsOnly: on().meta({ description: 'Store sums of features alone, and no row: as private as can be' }),
      expandHead: fromText(bounds.expansion()).optional().meta({
        description: 'Sum so many random features, too, for update --expand-head',
        otherwise: "the head's own features",
      }),
      fisher: on().meta({ description: 'Store the Fisher, for update --method ewc' }),
    }),
    ...readingFlags,
    ...numbersFlag,
    ...outputFlag,
    ...bindFlag,
    ...group('Packs', {
      show: path('FILE.keep').optional().meta({ description: 'Tell what a pack holds' }),
      merge: on().meta({ description: 'Merge packs of one model, named without flags' }),
      extend: path('FILE.keep')
        .optional()
        .meta({ description: 'Extend a pack after an update, by --model and --data' }),
      out: path('FILE.keep')
        .optional()
        .meta({ description: 'File to write', otherwise: "the model's name with .keep", alias: 'o' }),
    }),
  })
  .refine(({ show, merge, extend }) => [show, extend, merge || undefined].filter(Boolean).length < 2, {
    error: 'Of --show, --merge and --extend take one at a time.',
  })
  .refine(
    ({ extend, private: hides, sumsOnly, expandHead, fisher }) =>
      extend === undefined || !(hides || sumsOnly || expandHead !== undefined || fisher),
    {
      error:
        '--private, --sums-only, --expand-head and --fisher are decided when a pack is made; --extend goes on with them.',
    },
  )
  .refine(
    ({ sumsOnly, budget, perClass, choose }) => !sumsOnly || (budget ?? perClass ?? choose) === undefined,
    {
      error:
        'With --sums-only no row is kept, so that --budget, --per-class and --choose have nothing to say.',
    },
  )
  .refine(({ private: hides, sumsOnly, heldOutActivations }) => !(hides || sumsOnly) || !heldOutActivations, {
    error:
      'With --private held-out rows are features already, and with --sums-only there are none: leave --held-out-activations out.',
  })
  .refine(({ activationsAt, heldOutActivations }) => activationsAt === undefined || heldOutActivations, {
    error:
      '--activations-at says where held-out rows are taken as activations: it needs --held-out-activations N.',
  })
  .refine(({ budget, perClass }) => budget === undefined || perClass === undefined, {
    error: '--budget counts exemplars in all, --per-class those of each class: take one.',
  })
  .refine(
    ({ extend, choose, budget, perClass }) =>
      extend === undefined || choose === undefined || (budget ?? perClass) !== undefined,
    { error: '--extend with --choose needs --budget or --per-class, too.' },
  )

type KeepSettings = z.output<typeof settings> & CommonSettings

const [example, ...examples] = [
  'holdfast keep model.onnx --data old/ -o model.keep',
  'holdfast keep --show model.keep',
  'holdfast keep --merge north.keep south.keep -o both.keep',
  'holdfast keep --extend model.keep --model better.onnx --data new/ -o next.keep',
] as const

/** `holdfast keep`: what must not be forgotten of a model and its data, in one file. */
export const keep = defineVerb({
  name: 'keep',
  summary: 'Pack what a model must not forget, for when its data are gone',
  examples: [example, ...examples],
  settings,
  run: async (asked, call) => {
    if (asked.show !== undefined) {
      await checkPlaces([{ flag: '--show', path: asked.show, is: 'pack' }])
      return showPack(asked.show)
    }
    if (asked.merge) {
      const out = outOf(asked)
      // Merging may take the place of one of the packs that it merges.
      const others = asked.models.filter((path) => path !== out)
      await checkPlaces(
        others.map((path) => ({ flag: '--merge', path, is: 'pack' })),
        [{ flag: '-o', path: out }],
      )
      return answer(call, await mergeFiles(asked.models, out))
    }
    const sources = sourcesOf(asked)
    const { model, data, out } = sources
    await checkPlaces(
      [
        { flag: 'MODEL', path: model, is: 'model' },
        { flag: '--data', path: data, is: 'data' },
        { flag: '--traffic', path: asked.traffic, is: 'file' },
        { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
        { flag: '--extend', path: asked.extend === out ? undefined : asked.extend, is: 'pack' },
      ],
      [{ flag: '-o', path: out }],
    )
    const traffic = asked.traffic === undefined ? undefined : await readTraffic(asked.traffic)
    const wanted = { ...sources, traffic }
    return answer(
      call,
      asked.extend === undefined ? await keepFile(wanted) : await extendFile(asked.extend, wanted),
    )
  },
})

async function showPack(path: string): Promise<Answer> {
  const summary = summarisePack(await readPack(path))
  const { size } = await stat(path)
  return {
    json: { file: path, bytes: size, ...summary },
    text: `${packText(summary)}\n${'size'.padEnd(9)}  ${kilobytes(size)}`,
  }
}

function answer(call: Call, { pack, file, bytes, seconds, notes }: WrittenPack): Answer {
  sayNotes(notes, call.screen)
  if (pack.data.some(({ synthetic }) => synthetic)) {
    call.screen.warn('note: synthetic digits drawn by Holdfast; this pack keeps nothing of real data.')
  }
  const summary = summarisePack(pack)
  return {
    json: { file, bytes, seconds, notes, ...summary },
    text: `${packText(summary)}\n\nWritten: ${file} (${kilobytes(bytes)}, ${seconds.toFixed(1)} s)`,
  }
}

const kilobytes = (bytes: number): string =>
  `${(bytes / 1000).toLocaleString('en-US', { maximumFractionDigits: 1 })} kB`

function sourcesOf(asked: KeepSettings): KeepSources {
  const [word, extra] = asked.models
  const model = asked.model ?? word
  const { data } = asked
  if (model === undefined) {
    throw new UsageError('argument-missing', `holdfast keep needs a model (.onnx). For example: ${example}`)
  }
  if (extra !== undefined || (word !== undefined && word !== model)) {
    throw new UsageError(
      'argument-extra',
      `holdfast keep does not know what to do with "${extra ?? word}". For example: ${example}`,
    )
  }
  if (data === undefined) {
    throw new UsageError(
      'argument-missing',
      `holdfast keep needs the data that ${model} was trained on: --data DIR. For example: ${example}`,
    )
  }
  return {
    engine: engineFor(asked),
    model,
    data,
    out: outOf(asked, model),
    budget: budgetOf(asked),
    heldOutRows: asked.heldOut,
    heldOutActivations: asked.heldOutActivations,
    activationsAt: asked.activationsAt,
    private: asked.private,
    sumsOnly: asked.sumsOnly,
    expandHead: asked.expandHead,
    fisher: asked.fisher,
    numbersArePositions: asked.numbersArePositions,
    output: asked.output,
    bind: asked.bind,
    preprocessing: asked.preprocessing,
    reading: readingOf(asked),
    seed: asked.seed,
  }
}

/** A new pack may be named for its model; one that takes the place of another is named by whoever wants that. */
function outOf({ out, extend }: KeepSettings, model?: string): string {
  if (out !== undefined) return out
  if (model !== undefined && extend === undefined) return `${model.replace(/\.onnx$|\/+$/, '')}.keep`
  throw new UsageError('argument-missing', 'Which file is to be written? Say so with -o FILE.keep.')
}

/** Undefined where nothing was said: a new pack then takes the default, an extended one what it had. */
function budgetOf({ budget: rows, perClass, choose }: KeepSettings): PackBudget | undefined {
  if (rows === undefined && perClass === undefined && choose === undefined) return undefined
  const size = perClass === undefined ? { rows: rows ?? keepDefaults.rows } : { perClass }
  return { ...size, choose: choose ?? keepDefaults.choose }
}
