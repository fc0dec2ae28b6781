import { z } from 'zod'
import { bounds } from './bounds.ts'
import {
  asStored,
  type Dataset,
  mnistNormalisation,
  type Preprocessing,
  unitPixels,
  withPreprocessing,
} from './dataset.ts'
import { documentFormats, packSchema } from './documents/index.ts'
import type { LoadedData } from './parts.ts'
import type { ReadOptions } from './read-options.ts'

const names = z.array(z.string().min(1)).min(1)

/** Which columns or fields of tables are what. The names that messages call them by are those of {@link ReadOptions}. */
const columns = z.strictObject({
  kind: z
    .enum(['classification', 'multi-label', 'regression', 'token-classification'])
    .optional()
    .describe('what the labels say; default by what the column holds'),
  label: z
    .string()
    .min(1)
    .optional()
    .describe('the column of the label; default label, labels, class or target'),
  labels: names.optional().describe('columns of 0 and 1, one a class: several classes a row'),
  targets: names.optional().describe('columns of numbers to predict'),
  separator: z.string().min(1).optional().describe('parts several labels in one text; default ;'),
  text: z.string().min(1).optional().describe('the column of the text; default text, sentence or content'),
  image: z.string().min(1).optional().describe('the column of the images; default file_name, image or img'),
  features: names
    .optional()
    .describe('the columns of the numbers to learn from, in the model’s order; default every other one'),
  id: z
    .string()
    .min(1)
    .optional()
    .describe('the column of what rows are called, which is not learned from; default one that counts them'),
  header: z
    .boolean()
    .optional()
    .describe('whether the first line of a CSV file names the columns; default yes'),
  delimiter: z
    .union([z.literal('tab'), z.string().length(1)])
    .optional()
    .describe('what parts the columns of CSV files: one character, or tab; default as found'),
  decimal: z
    .enum(['.', ','])
    .optional()
    .describe('what parts a number’s whole from its fraction in CSV files; default as found'),
  encoding: z
    .string()
    .min(1)
    .optional()
    .describe('of CSV and JSON files that are not UTF-8: windows-1252, for example'),
})

/** How texts become rows of a language model. */
const documents = z.strictObject({
  format: z
    .enum(documentFormats)
    .optional()
    .describe('how rows hold documents for a language model; default by their fields'),
  paragraphs: z
    .boolean()
    .optional()
    .describe('whether each paragraph of a text file is a document; default the file is one'),
  pack: packSchema.default('documents'),
  overlap: bounds
    .rows(0)
    .default(0)
    .describe('tokens that a further row of a long document reads again, to predict its first ones better'),
})

const normalisations = { unit: unitPixels, mnist: mnistNormalisation, stored: asStored } as const

/** How stored values are normalised, by name; `default` is as the data come. */
export type PreprocessingName = 'default' | keyof typeof normalisations

/** The words that a configuration and `--preprocessing` take. */
export const preprocessingNames = z
  .enum(['default', 'unit', 'mnist', 'stored'])
  .describe(
    'unit: pixels to 0..1; mnist: mean 0.1307, std 0.3081; stored: as they are; default: as the data come',
  )

/**
 * How data are read, in a configuration's words. Flags, configurations and every verb that reads data have it from here.
 */
export const readingSchema = z.strictObject({
  columns: columns.optional().describe('which columns or fields of tables are what'),
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe('folder of the tokenizer.json that texts are read with; default the model’s'),
  documents: documents.optional().describe('texts for a language model'),
  skipBad: bounds
    .rows(0)
    .optional()
    .describe('how many images that cannot be decoded may be left out; default 0'),
  cache: z
    .boolean()
    .optional()
    .describe('whether decoded images are kept on disk for the next reading; default yes, see docs/data.md'),
  maxLength: bounds.width().optional().describe('tokens in a row; default those of the longest text'),
  maxBytes: z
    .int()
    .min(1)
    .optional()
    .describe('bytes that the data may take in memory; default a quarter of what there is'),
})

/** How data are read: see {@link readingSchema}. What is left out is found out from the data and the files beside the model. */
export type Reading = z.output<typeof readingSchema>

/** The same as options of {@link ReadOptions}; the tokenizer is read by whoever knows the model. */
export function readOptionsOf(reading: Reading): ReadOptions {
  const { columns, documents, maxLength, maxBytes, skipBad, cache } = reading
  const { kind, label, labels, targets, separator, text, image, features, id } = columns ?? {}
  const { header, delimiter, decimal, encoding } = columns ?? {}
  return {
    kind,
    separator,
    labelColumn: label,
    labelColumns: labels,
    targetColumns: targets,
    textColumn: text,
    imageColumn: image,
    featureColumns: features,
    idColumn: id,
    header,
    delimiter: delimiter === 'tab' ? '\t' : delimiter,
    decimal,
    encoding,
    documents: documents?.format,
    paragraphs: documents?.paragraphs,
    pack: documents?.pack,
    overlap: documents?.overlap,
    maxLength,
    skipBad,
    maxBytes,
    cache,
  }
}

/** Where a configuration says what an option of {@link ReadOptions} does: messages name the option. */
export const readingFields: Readonly<Record<string, string>> = {
  kind: 'data.columns.kind',
  separator: 'data.columns.separator',
  labelColumn: 'data.columns.label',
  labelColumns: 'data.columns.labels',
  targetColumns: 'data.columns.targets',
  textColumn: 'data.columns.text',
  imageColumn: 'data.columns.image',
  featureColumns: 'data.columns.features',
  idColumn: 'data.columns.id',
  header: 'data.columns.header',
  delimiter: 'data.columns.delimiter',
  decimal: 'data.columns.decimal',
  encoding: 'data.columns.encoding',
  documents: 'data.documents.format',
  paragraphs: 'data.documents.paragraphs',
  pack: 'data.documents.pack',
  overlap: 'data.documents.overlap',
  tokenizer: 'data.tokenizer',
  maxLength: 'data.maxLength',
  skipBad: 'data.skipBad',
  maxBytes: 'data.maxBytes',
  numbersArePositions: 'model.numbersArePositions',
}

/** A data set with the normalisation that is asked for. */
export function normalised(dataset: Dataset, asked: PreprocessingName | Preprocessing): Dataset {
  if (asked === 'default') return dataset
  return withPreprocessing(dataset, typeof asked === 'string' ? normalisations[asked] : asked)
}

/** All parts of the data with the normalisation that is asked for. */
export function preprocessed(loaded: LoadedData, preprocessing: PreprocessingName = 'default'): LoadedData {
  const { train, validation, test } = loaded
  const change = (dataset: Dataset) => normalised(dataset, preprocessing)
  return {
    ...loaded,
    train: change(train),
    ...(validation && { validation: change(validation) }),
    ...(test && { test: change(test) }),
  }
}

/** Whether nothing is done to stored values: files beside a model that say so mostly say nothing. */
export const isAsStored = ({ scale, mean, std }: Preprocessing): boolean =>
  scale === 1 && mean === 0 && std === 1
