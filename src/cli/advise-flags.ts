import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { memories } from '../methods/keep-advice.ts'
import { updateDefaults } from '../update/defaults.ts'
import { fromText, group, path, seconds, share } from './flags/index.ts'
import { bindFlag, documentFlags, numbersFlag, outputFlag, readingFlags } from './shared-flags.ts'
import type { CommonSettings } from './verb.ts'

const { documents, paragraphs, pack, overlap } = documentFlags

/** What `holdfast advise` can be told. */
export const adviseSettings = z
  .object({
    model: path('MODEL').optional().meta({
      argument: true,
      description:
        'An .onnx file, or a folder as transformers.js lays it out; without it the situation alone is asked about',
    }),
    ...group('Data', {
      new: path('DIR').optional().meta({ description: 'New data; needed with a model' }),
      old: path('DIR').optional().meta({ description: 'Old data' }),
      keep: path('FILE.keep').optional().meta({ description: 'A retention pack instead of old data' }),
    }),
    ...group('Situation', {
      for: fromText(z.enum(['classifier', 'language']))
        .optional()
        .meta({
          description: 'Without a model: what it is',
          otherwise: 'classifier',
        }),
      oldData: fromText(z.enum(['all', 'some', 'sums', 'none']))
        .optional()
        .meta({
          description: 'Without a model: what is left of the old data',
          otherwise: 'some',
        }),
      classes: fromText(z.enum(['new', 'same']))
        .optional()
        .meta({
          description: 'Without a model: whether the new data have classes that it does not know',
          otherwise: 'new',
        }),
      tasks: fromText(z.enum(['told', 'untold']))
        .default('untold')
        .meta({ description: 'Whether it is known, when the model is used, which task an input belongs to' }),
      memory: fromText(z.enum(memories)).optional().meta({
        description: 'What of the data may be kept for the next update: adds what to keep',
        otherwise: 'nothing is said of it',
      }),
    }),
    ...group('Measuring', {
      maxDrop: share()
        .default(updateDefaults.maxDrop)
        .meta({ description: 'Drop in old accuracy that the update will be allowed' }),
      time: seconds().default(60).meta({ description: 'For all that is measured, about' }),
      rows: fromText(bounds.rows()).default(2000).meta({
        description: 'Rows to train on that are measured with, of new and of old ones each',
      }),
    }),
    ...readingFlags,
    ...group('Texts for a language model', { documents, paragraphs, pack, overlap }),
    ...numbersFlag,
    ...outputFlag,
    ...bindFlag,
  })
  .refine(({ model, new: fresh }) => model === undefined || fresh !== undefined, {
    error:
      'holdfast advise needs the new data beside a model: --new DIR. Without a model it advises on the situation alone.',
    params: { code: 'argument-missing' },
  })
  .refine(({ model, new: fresh, old, keep }) => model !== undefined || (fresh ?? old ?? keep) === undefined, {
    error: '--new, --old and --keep are data to measure on, and need a MODEL.',
  })
  .refine(
    ({ model, for: kind, oldData, classes }) =>
      model === undefined || (kind ?? oldData ?? classes) === undefined,
    {
      error:
        '--for, --old-data and --classes say what a model and data say themselves: leave them out, or the model.',
    },
  )
  .refine(({ old, keep }) => old === undefined || keep === undefined, {
    error: '--old and --keep both say what is old: give one of them.',
  })

export type AdviseSettings = z.output<typeof adviseSettings> & CommonSettings
