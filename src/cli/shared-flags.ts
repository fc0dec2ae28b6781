import { z } from 'zod'
import { augmentSchema, augmentText, parseAugment, problemIn } from '../data/augment/index.ts'
import { packSchema } from '../data/documents/index.ts'
import { preprocessingNames, type Reading, readingSchema } from '../data/reading.ts'
import { confidenceRange } from '../measure/confidence.ts'
import { parseSelection, type Selection } from '../model/adapters/index.ts'
import {
  bindings,
  byteCount,
  capitalised,
  flagOf,
  fromText,
  group,
  on,
  page,
  rankAndAlpha,
  told,
} from './flags/index.ts'

const { columns, documents, tokenizer, maxLength, maxBytes, skipBad } = readingSchema.shape
const column = columns.unwrap().shape
const document = documents.unwrap().shape

/** How data are read: the same flags in every verb that reads some, and the same fields as in a configuration. */
export const readingFlags = group('Reading data', {
  preprocessing: fromText(preprocessingNames)
    .default('default')
    .meta({ description: 'How pixels become numbers: to 0..1, as MNIST is, as stored, or as the data come' }),
  labelColumn: flagOf(column.label),
  labelColumns: flagOf(column.labels),
  targetColumns: flagOf(column.targets),
  textColumn: flagOf(column.text),
  imageColumn: flagOf(column.image),
  featureColumns: flagOf(column.features),
  idColumn: flagOf(column.id),
  encoding: flagOf(column.encoding),
  delimiter: flagOf(column.delimiter),
  decimal: flagOf(column.decimal),
  header: z.boolean().default(true).meta({
    description: 'The first line of a CSV file names the columns',
    negative: 'The first line of a CSV file is a row; the columns are called 0, 1 and so on',
  }),
  kind: flagOf(column.kind),
  separator: flagOf(column.separator),
  tokenizer: flagOf(tokenizer).meta({ hint: 'DIR' }),
  maxLength: flagOf(maxLength),
  skipBad: flagOf(skipBad),
  maxBytes: byteCount()
    .optional()
    .meta({ description: capitalised(maxBytes.description ?? '') }),
  cache: z.boolean().default(true).meta({
    description: 'Keep decoded images in ~/.cache/holdfast for the next reading',
    negative: 'Decode every image anew, and keep none on disk',
  }),
})

/** What those flags say, as configurations say it. */
export const readingOf = (settings: z.output<z.ZodObject<typeof readingFlags>>): Reading => ({
  columns: {
    kind: settings.kind,
    label: settings.labelColumn,
    labels: settings.labelColumns,
    targets: settings.targetColumns,
    separator: settings.separator,
    text: settings.textColumn,
    image: settings.imageColumn,
    features: settings.featureColumns,
    id: settings.idColumn,
    encoding: settings.encoding,
    delimiter: settings.delimiter,
    decimal: settings.decimal,
    header: settings.header ? undefined : false,
  },
  tokenizer: settings.tokenizer,
  maxLength: settings.maxLength,
  skipBad: settings.skipBad,
  maxBytes: settings.maxBytes,
  cache: settings.cache,
})

/** How texts become documents and rows of a language model; what is left out stays as it is. */
export const documentFlags = group('Texts for a language model', {
  documents: flagOf(document.format),
  paragraphs: on().meta({ description: 'Each paragraph of a text file is a document' }),
  pack: flagOf(packSchema.optional().describe(packSchema.description ?? '')),
  overlap: flagOf(
    document.overlap
      .unwrap()
      .optional()
      .describe(document.overlap.description ?? ''),
  ),
  maxLength: flagOf(maxLength),
  tokenizer: flagOf(tokenizer).meta({ hint: 'DIR' }),
})

export type DocumentSettings = z.output<z.ZodObject<typeof documentFlags>>

/** A reading with what those flags say instead; the same one where they say nothing. */
export function withDocumentFlags<T extends Pick<Reading, 'documents' | 'maxLength' | 'tokenizer'>>(
  reading: T,
  asked: DocumentSettings,
): T {
  const { documents: format, paragraphs, pack, overlap, maxLength: length, tokenizer: folder } = asked
  const said = { format, paragraphs: paragraphs || undefined, pack, overlap }
  const given = Object.entries(said).filter(([, value]) => value !== undefined)
  if (given.length === 0 && length === undefined && folder === undefined) return reading
  return {
    ...reading,
    ...(length !== undefined && { maxLength: length }),
    ...(folder !== undefined && { tokenizer: folder }),
    ...(given.length > 0 && {
      documents: { pack: 'documents', overlap: 0, ...reading.documents, ...Object.fromEntries(given) },
    }),
  }
}

/** What numbers for labels mean, where two sides have lists of classes. */
export const numbersFlag = group('Reading data', {
  numbersArePositions: on().meta({
    description: "Labels that are numbers are positions in the other side's list of classes",
  }),
})

/** Names the logits of a model. */
export const outputFlag = group('Model', {
  output: fromText(z.string().min(1))
    .optional()
    .meta({ description: 'The value that holds the logits, where the file does not tell', hint: 'VALUE' }),
})

/** Values for inputs that data say nothing of. */
export const bindFlag = group('Model', {
  bind: bindings().optional().meta({
    description: 'Values for inputs of the model that the data say nothing of, such as sr=16000',
  }),
})

/** What training does with statistics of batch normalisation. */
export const batchnormFlag = group('Model', {
  batchnorm: fromText(z.enum(['fixed', 'train']))
    .default('fixed')
    .meta({
      description: 'Statistics of batch normalisation: as deployed, or following the new data',
      option: 'batchNorm',
    }),
})

/** Memory for time. */
export const recomputeFlag = {
  recompute: on().meta({
    description: 'Compute activations again in the backward pass: less memory, a third more time',
  }),
}

/** What of a model trains. */
export const trainFlags = group('Training', {
  train: told(z.custom<Selection>(), {
    hint: 'SELECTION',
    expected: 'all, head, last:2, biases-norms or patterns of names',
    read: parseSelection,
  })
    .optional()
    .meta({
      description: 'What trains: all, head, last:2, biases-norms, or patterns of names: encoder.*,!*.bias',
      otherwise: 'all',
      option: 'select',
    }),
  lora: rankAndAlpha().optional().meta({
    description: 'Train low-rank updates of this rank instead; alpha is twice the rank unless given',
  }),
  ...recomputeFlag,
})

/** How training images are augmented; as in a configuration, a list. */
export const augmentFlag = group('Training', {
  augment: told(augmentSchema, {
    hint: 'flip,crop:4|none',
    expected: 'augmentations such as flip,crop:4',
    read: (text) => (problemIn(text.split(',')) === undefined ? text.split(',') : undefined),
    write: (list) => augmentText(parseAugment(list)),
    near: (text) => ` ${capitalised(problemIn(text.split(',')) ?? '')}`,
  })
    .optional()
    .meta({
      description: 'Augment training images: flip, crop, colour, cutout, mixup, cutmix, each with :NUMBER',
    }),
})

/** The confidence of bounds. */
export const confidence = () => fromText(z.number().min(confidenceRange.least).max(confidenceRange.most))

/** Where the page of a result goes. */
export const reportFlag = group('Output', {
  report: page().optional().meta({ description: 'Write a page there' }),
})
