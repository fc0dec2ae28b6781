import { stat } from 'node:fs/promises'
import { z } from 'zod'
import { parseAugment } from '../data/augment/index.ts'
import { bounds } from '../data/bounds.ts'
import { UsageError } from '../errors.ts'
import { methodEntries } from '../methods/registry.ts'
import { updateDefaults } from '../update/defaults.ts'
import { parseUpdateMethod, rungNames } from '../update/recipes/index.ts'
import { textRungNames, textUpdateDefaults } from '../update/texts/index.ts'
import { SELF } from '../update/texts/index-files.ts'
import { outputPath } from '../update/update-writing-files.ts'
import { fromText, group, jsonLines, on, path, seconds, share } from './flags/index.ts'
import { methodFlags, methodOptionsOf } from './method-flags.ts'
import { checkModelEnding } from './model-ending.ts'
import type { Outputs } from './outputs.ts'
import { checkPlaces, olderAdapter, type Read } from './places.ts'
import { promptFlags, promptsAsked } from './prompt-flags.ts'
import { queueAndStoreFlags } from './queue-client.ts'
import {
  augmentFlag,
  bindFlag,
  confidence,
  numbersFlag,
  outputFlag,
  readingFlags,
  readingOf,
  reportFlag,
  trainFlags,
} from './shared-flags.ts'
import { oneTextBudget, textBudgetFlags } from './text-budget.ts'
import { trackingFlags } from './tracking.ts'
import { rehearsalFlags, textReadingFlags } from './update-texts-flags.ts'
import type { CommonSettings } from './verb.ts'

/** What training does with statistics of batch normalisation. */
const updateBatchnormFlag = group('Model', {
  batchnorm: fromText(z.enum(['auto', 'fixed', 'train']))
    .default('auto')
    .meta({
      description:
        'Statistics of batch normalisation: as deployed, following the new data, or following where enough old rows are rehearsed',
      option: 'batchNorm',
    }),
})

/** Seconds for training where it is not said. */
export const defaultTime = 120

/** What `holdfast update` can be told. */
export const updateSettings = z
  .object({
    model: path('MODEL').meta({
      argument: true,
      description: 'An .onnx file, or a folder as transformers.js lays it out',
    }),
    ...group('Data', {
      new: path('DIR').meta({ description: 'New data; 20 % are held out where there is no test part' }),
      old: path('DIR').optional().meta({
        description: 'Old data: rehearsed, and measured on; self: texts that a language model writes itself',
      }),
      traffic: path('shares.csv|json').optional().meta({
        description: 'With --old: how often each class comes where the model is used',
        otherwise: 'every old row counts the same',
      }),
      keep: path('FILE.keep').optional().meta({
        description: 'A retention pack instead of old data; one of sums alone goes with old data, too',
      }),
      unlabelled: path('DIR').optional().meta({ description: 'Inputs without labels to distil on' }),
    }),
    ...readingFlags,
    ...textReadingFlags,
    ...numbersFlag,
    ...group('Budget', {
      maxDrop: share()
        .optional()
        .meta({
          description:
            'Drop in old accuracy allowed; of language models the increase in bits per byte, as a share',
          otherwise: `${100 * updateDefaults.maxDrop}%`,
        }),
      ...textBudgetFlags,
      maxDropTotal: share().optional().meta({
        description: 'Drop allowed since the first release in the pack, over all updates',
        otherwise: '--max-drop',
      }),
      maxDropPerClass: share().optional().meta({
        description: 'Stop before an old class is shown to have lost more than this',
        otherwise: 'classes are free',
      }),
      budgetOn: fromText(z.enum(['deployed', 'balanced', 'both']))
        .default('deployed')
        .meta({
          description: 'Which drop is held: classes as often as they come, each class the same, or both',
        }),
      confidence: confidence()
        .default(updateDefaults.confidence)
        .meta({ description: 'Of the bound on the drop' }),
      force: on().meta({ description: 'Write the model to -o though the budget is not met' }),
    }),
    ...group('Training', {
      method: fromText(z.string().min(1))
        .default('auto')
        .meta({
          description: `auto, or ${methodEntries.map(({ name }) => name).join(', ')}, or several with +`,
          hint: 'METHOD',
        }),
      expandHead: fromText(bounds.expansion()).optional().meta({
        description: 'Put so many random features before the head: two more nodes in the file',
        otherwise: 'none',
      }),
      rungs: fromText(z.array(z.enum([...new Set([...rungNames, ...textRungNames])])).min(1))
        .optional()
        .meta({
          description: 'What may train, from the cheapest on; of language models low-rank and whole',
          otherwise: 'climbed as far as it pays',
        }),
      time: seconds()
        .optional()
        .meta({
          description:
            'A rung above the first is climbed only where it seems to end in so long; texts that a language model writes itself have a third of it',
          otherwise: `${defaultTime / 60}m, and these as long as they take`,
        }),
      epochs: fromText(bounds.epochs()).optional().meta({
        description: 'Passes over the new data of what trains above the head',
        otherwise: 'as many as the rung takes',
      }),
      batch: fromText(bounds.batch())
        .optional()
        .meta({
          description: 'New rows a step; of texts all rows',
          option: 'batchSize',
          otherwise: `${updateDefaults.batchSize}, ${textUpdateDefaults.batchSize} of texts`,
        }),
      learningRate: fromText(bounds.learningRate()).optional().meta({
        description: 'Learning rate',
        otherwise:
          '5e-4, 1e-3 where batch norms follow, and 1e-4 where there are layer norms; of language models 0.38 by its width for low-rank updates, half of that for all weights',
      }),
      ...rehearsalFlags,
    }),
    ...methodFlags,
    ...augmentFlag,
    ...trainFlags,
    ...outputFlag,
    ...bindFlag,
    ...updateBatchnormFlag,
    ...group('Output', {
      out: path('FILE.onnx').optional().meta({
        description: 'File or folder to write; only when the budget is met, see --force',
        alias: 'o',
      }),
      dryRun: on().meta({ description: 'Say what was found and what it would cost, and stop' }),
      adapter: path('DIR').optional().meta({
        description:
          'With --lora: write the updates there, for PEFT; of a language model low-rank updates alone train then',
      }),
    }),
    ...promptFlags,
    ...reportFlag,
    ...group('Output', {
      markdown: path('FILE.md').optional().meta({ description: 'Write Markdown there' }),
      keepOut: path('FILE.keep').optional().meta({
        description: 'With --keep: write the pack of the new model there, extended by the new data',
      }),
      baseline: jsonLines().optional().meta({
        description:
          "Of classifiers: write the new model's predictions there, for the next gate; of language models gate --save-predictions does",
      }),
    }),
    ...trackingFlags,
    ...queueAndStoreFlags,
    ...group('Queue', {
      detach: on().meta({ description: 'With --queue: ask for the update and do not wait for it' }),
    }),
  })
  .refine(
    ({ queue, store, priority, detach }) =>
      queue !== undefined || (store ?? priority ?? (detach || undefined)) === undefined,
    {
      error:
        '--store, --priority and --detach are about an update that workers do: they need --queue redis://HOST:PORT.',
    },
  )
  .refine(({ maxDropTotal, keep }) => maxDropTotal === undefined || keep !== undefined, {
    error: '--max-drop-total is held since the first release in a pack: it needs --keep FILE.keep.',
  })
  .refine(({ traffic, old }) => traffic === undefined || old !== undefined, {
    error: '--traffic weighs the classes of --old DIR. A pack has its own: holdfast keep --traffic.',
  })
  .refine(
    ({ selfWritten = 0, old = SELF, keep }) => selfWritten === 0 || (old === SELF && keep === undefined),
    {
      error:
        '--self-written says how many texts the model writes itself where nothing old is left, and --old and --keep say what is. Leave it out, or take --old self.',
    },
  )
  .refine(({ keepOut, keep }) => keepOut === undefined || keep !== undefined, {
    error: '--keep-out extends a pack: it needs --keep FILE.keep.',
  })
  .refine(oneTextBudget.holds, { error: oneTextBudget.error })
  .refine(promptsAsked.holds, { error: promptsAsked.error })

export type UpdateSettings = z.output<typeof updateSettings> & CommonSettings

/**
 * Checks where things come from and go to, in this order.
 *
 * @throws UsageError `argument-missing` without a place for the model; and what {@link checkPlaces} throws.
 */
export async function checkUpdatePlaces(asked: UpdateSettings, outputs: Outputs): Promise<void> {
  const reads = readsOfUpdate(asked)
  await checkPlaces(reads)
  const { out, dryRun } = asked
  if (out === undefined && !dryRun) {
    throw new UsageError(
      'argument-missing',
      'holdfast update needs a place for the new model: -o better.onnx (or --dry-run, to see what it would do).',
    )
  }
  const kind = (await stat(asked.model)).isDirectory() ? 'model' : 'file'
  if (kind === 'file') checkModelEnding(out)
  const statuses = asked.force ? (['met'] as const) : (['met', 'not-met', 'inconclusive'] as const)
  const placesOf = (path: string | undefined) =>
    path === undefined ? [] : statuses.map((status) => outputPath(path, status))
  await checkPlaces(
    reads,
    [
      ...placesOf(out).map((path) => ({ flag: '-o', path, kind, held: true }) as const),
      { flag: '--adapter', path: asked.adapter, kind: 'folder', mine: olderAdapter, held: true },
      { flag: '--baseline', path: asked.baseline },
      ...placesOf(asked.keepOut).map((path) => ({ flag: '--keep-out', path, held: true })),
      { flag: '--markdown', path: asked.markdown },
      { flag: '--report', path: asked.report },
      { flag: '--tensorboard', path: asked.tensorboard, kind: 'folder' },
    ],
    dryRun ? undefined : outputs,
  )
}

/** The files and folders that an update reads, with the settings that name them. */
export const readsOfUpdate = (asked: UpdateSettings): readonly (Read & { readonly key: string })[] => [
  { key: 'model', flag: 'MODEL', path: asked.model, is: 'model' },
  { key: 'new', flag: '--new', path: asked.new, is: 'data' },
  { key: 'old', flag: '--old', path: asked.old === SELF ? undefined : asked.old, is: 'data' },
  { key: 'keep', flag: '--keep', path: asked.keep, is: 'pack' },
  { key: 'unlabelled', flag: '--unlabelled', path: asked.unlabelled, is: 'data' },
  { key: 'traffic', flag: '--traffic', path: asked.traffic, is: 'file' },
  { key: 'prompts', flag: '--prompts', path: asked.prompts, is: 'file' },
  { key: 'tokenizer', flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
]

/** Those that it writes, by setting. */
export const writesOfUpdate = (asked: UpdateSettings): Readonly<Record<string, string | undefined>> => ({
  ...{ out: asked.out, adapter: asked.adapter, baseline: asked.baseline, keepOut: asked.keepOut },
  ...{ markdown: asked.markdown, report: asked.report },
})

/** Where things come from. */
export const sourcesOf = (asked: UpdateSettings) => ({
  model: asked.model,
  fresh: asked.new,
  old: asked.old,
  keep: asked.keep,
  unlabelled: asked.unlabelled,
  batchNorm: asked.batchnorm === 'train' ? ('train' as const) : undefined,
  output: asked.output,
  bind: asked.bind,
  preprocessing: asked.preprocessing,
  reading: readingOf(asked),
  numbersArePositions: asked.numbersArePositions,
  method: parseUpdateMethod(asked.method),
  expandHead: asked.expandHead,
  // Where other weights are asked for, layers of few bits have nothing to learn.
  rank: asked.train && asked.train.kind !== 'all' && !asked.lora ? 0 : asked.lora?.rank,
  seed: asked.seed ?? 0,
})

/** How to train. */
export const optionsOf = (asked: UpdateSettings) => ({
  budget: {
    maxDrop: asked.maxDrop ?? updateDefaults.maxDrop,
    maxDropTotal: asked.maxDropTotal,
    maxDropPerClass: asked.maxDropPerClass,
    on: asked.budgetOn,
    confidence: asked.confidence,
  },
  seed: asked.seed ?? 0,
  rungs: asked.rungs?.filter((name) => name !== 'low-rank'),
  time: asked.time ?? defaultTime,
  epochs: asked.epochs,
  batchSize: asked.batch ?? updateDefaults.batchSize,
  learningRate: asked.learningRate,
  methodOptions: methodOptionsOf(asked),
  augment: asked.augment && parseAugment(asked.augment),
  select: asked.train,
  lora: asked.lora,
  batchNorm: asked.batchnorm === 'fixed' ? ('fixed' as const) : ('auto' as const),
  recompute: asked.recompute,
})
