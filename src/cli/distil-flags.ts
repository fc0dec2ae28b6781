import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { defaultTestShare } from '../data/test-share.ts'
import { fromText, group, path, seconds, share } from './flags/index.ts'
import {
  augmentFlag,
  documentFlags,
  numbersFlag,
  readingFlags,
  recomputeFlag,
  reportFlag,
} from './shared-flags.ts'
import { trackingFlags } from './tracking.ts'

const { documents, paragraphs, pack, overlap } = documentFlags

/** What `holdfast distil` does where neither flags nor the student's configuration say otherwise. */
export const distilDefaults = {
  temperature: 2,
  textTemperature: 1,
  labelWeight: 0.1,
  topTokens: 64,
  epochs: 10,
  textEpochs: 3,
  maxDrop: 0.01,
  checkpointEvery: 200,
} as const

/** What `holdfast distil` can be told. */
export const distilSettings = z
  .object({
    teacher: z.array(z.string()).min(1).meta({
      argument: true,
      description: 'The model that teaches (.onnx, or its folder), or several of one kind',
      hint: 'TEACHER',
    }),
    into: path('STUDENT').meta({
      description: 'What is taught: an .onnx file or its folder, or a configuration (.yaml) of a new network',
      group: 'Student',
    }),
    ...group('Student', {
      head: fromText(z.enum(['replace']))
        .optional()
        .meta({ description: "Give the student a new head with the teacher's classes" }),
    }),
    ...group('Data', {
      data: path('DIR').optional().meta({
        description: 'Rows with labels, or texts; a share is held out where there is no test part',
      }),
      unlabelled: path('DIR')
        .optional()
        .meta({ description: 'Rows without labels, in place of --data or with it' }),
      testShare: share()
        .optional()
        .meta({
          description: 'Share of the rows held out where the data have no test part',
          otherwise: `${100 * defaultTestShare}%`,
        }),
    }),
    ...group('Teaching', {
      temperature: fromText(bounds.temperature())
        .optional()
        .meta({
          description: 'Divides the logits of both models',
          otherwise: `${distilDefaults.temperature}, ${distilDefaults.textTemperature} of texts`,
        }),
      labelWeight: fromText(z.number().min(0).max(1))
        .optional()
        .meta({
          description: "Share of the loss on labels; the teacher's answers have the rest",
          otherwise: `${distilDefaults.labelWeight}, and 0 without labels`,
        }),
      features: fromText(bounds.fromZero()).optional().meta({
        description: "Weight of the squared distance to what the teacher's head reads, where it is as wide",
        otherwise: 'none',
        option: 'featureWeight',
      }),
      topTokens: fromText(bounds.rows())
        .optional()
        .meta({
          description: 'Of texts: likeliest tokens of a place whose shares are kept',
          otherwise: String(distilDefaults.topTokens),
        }),
    }),
    ...group('Training', {
      epochs: fromText(bounds.epochs())
        .optional()
        .meta({
          description: 'Passes over all rows',
          otherwise: `those of the configuration, else ${distilDefaults.epochs}, ${distilDefaults.textEpochs} of texts`,
        }),
      iterations: fromText(bounds.steps()).optional().meta({ description: 'Steps, in place of --epochs' }),
      time: seconds().optional().meta({
        description:
          'As many steps as seem to end in so long, at most those of --epochs or --iterations; settled before the first',
      }),
      batch: fromText(bounds.batch()).optional().meta({
        description: 'Rows a step',
        option: 'batchSize',
        otherwise: 'that of the configuration, else 128',
      }),
      lr: fromText(bounds.learningRate()).optional().meta({
        description: 'Learning rate, which falls as a cosine',
        option: 'learningRate',
        otherwise: 'that of the configuration, else 0.001',
      }),
      checkpointEvery: fromText(bounds.steps())
        .optional()
        .meta({
          description: 'Steps between checkpoints',
          otherwise: `that of the configuration, else ${distilDefaults.checkpointEvery}`,
        }),
      ...recomputeFlag,
    }),
    ...augmentFlag,
    ...group('Verdict', {
      maxDrop: share().default(distilDefaults.maxDrop).meta({
        description:
          'What the student may be worse by on rows held out: in accuracy, or of texts in bits per byte, as a share',
      }),
    }),
    ...readingFlags,
    ...{ documents, paragraphs, pack, overlap },
    ...numbersFlag,
    ...group('Output', {
      out: path('DIR').optional().meta({
        description: 'Folder of the run, with the student in it; given again, goes on there',
        otherwise: 'in runs/',
        alias: 'o',
      }),
    }),
    ...reportFlag,
    ...trackingFlags,
  })
  .refine(({ data, unlabelled }) => data !== undefined || unlabelled !== undefined, {
    error:
      'A student learns from rows, and none are named. Give --data DIR (rows with labels, or texts) or --unlabelled DIR.',
    params: { code: 'distil-no-rows' },
  })
  .refine(({ epochs, iterations }) => epochs === undefined || iterations === undefined, {
    error: '--epochs and --iterations both say how long training is; leave one out.',
  })
  .refine(({ data, labelWeight }) => data !== undefined || labelWeight === undefined || labelWeight === 0, {
    error:
      '--label-weight is the share of labels, and --unlabelled has none. Leave it out, or give rows with labels: --data.',
  })

export type DistilSettings = z.output<typeof distilSettings>
