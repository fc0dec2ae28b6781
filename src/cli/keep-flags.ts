import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { keepDefaults } from '../update/pack/index.ts'
import { textChoices, textKeepDefaults } from '../update/text-pack/index.ts'
import { fromText, group, on, path } from './flags/index.ts'
import { bindFlag, documentFlags, numbersFlag, outputFlag, readingFlags } from './shared-flags.ts'
import type { CommonSettings } from './verb.ts'

const { documents, paragraphs, overlap } = documentFlags
const textFlags = { documents, paragraphs, overlap }

/** What `keep` is told. */
export const keepSettings = z
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
        .meta({
          description: 'Exemplars in all: rows, or documents',
          otherwise: `${keepDefaults.rows} rows; documents of ${textKeepDefaults.tokens} tokens`,
        }),
      perClass: fromText(bounds.rows())
        .optional()
        .meta({ description: 'Exemplars of each class, instead of --budget' }),
      choose: fromText(z.enum(['herding', ...textChoices]))
        .optional()
        .meta({
          description: 'Which ones; herding is for rows, spread for texts',
          otherwise: `${keepDefaults.choose}; of texts ${textKeepDefaults.choose}`,
        }),
      heldOut: fromText(bounds.rows(0))
        .optional()
        .meta({
          description: 'Held-out rows, or documents, at most',
          option: 'heldOutRows',
          otherwise: `${keepDefaults.heldOutRows} rows; documents of ${textKeepDefaults.heldOutTokens} tokens`,
        }),
      topTokens: fromText(bounds.rows(0)).optional().meta({
        description:
          'Of texts: the likeliest next tokens that the model’s answers are kept as, 0 for no answers',
        otherwise: '32, fewer where they would take more than 16 MiB',
      }),
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
    ...textFlags,
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

export type KeepSettings = z.output<typeof keepSettings> & CommonSettings
