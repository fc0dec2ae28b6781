import { count, oneOf } from '../count.ts'
import { DataError } from '../errors.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { rowChunks } from './row-chunks.ts'
import { concatenateRows, describe, pickRows, rowCount } from './rows.ts'

/**
 * How stored values become a model's input: `(stored * scale - mean) / std`. `mean` and `std` are one number, or one
 * per channel of inputs [N, C, ...] (or [N, H, W, C], see `channelAxis`). It is done in the graph, so that data stay small in memory and an exported model
 * can carry it.
 */
export interface Preprocessing {
  readonly scale: number
  readonly mean: number | readonly number[]
  readonly std: number | readonly number[]
  /** The axis of `inputs` that mean and std per channel go along: 1 (default), or 3 for images [N, H, W, C]. */
  readonly channelAxis?: 1 | 3
  /**
   * Of token ids: the id that fills up short rows. Where it is set, a model's inputs called attention_mask, token_type_ids and
   * position_ids are derived from it in the graph, so that a text data set is one tensor of ids.
   */
  readonly pad?: number
}

/** Values are used as stored. */
export const asStored: Preprocessing = { scale: 1, mean: 0, std: 1 }

/** uint8 pixels become values in [0, 1]. */
export const unitPixels: Preprocessing = { scale: 1 / 255, mean: 0, std: 1 }

/** MNIST's customary normalisation: mean 0.1307 and standard deviation 0.3081 of the pixels in [0, 1]. */
export const mnistNormalisation: Preprocessing = { scale: 1 / 255, mean: 0.1307, std: 0.3081 }

/**
 * What the labels of a data set say:
 * - `classification`: one class a row, int32 [N];
 * - `multi-label`: any number of classes a row, float32 [N, K] of 0 and 1, one column a class;
 * - `regression`: numbers to predict, float32 [N, K];
 * - `token-classification`: one class a token, int32 [N, T], -100 where there is nothing to learn.
 */
export type DatasetKind = 'classification' | 'multi-label' | 'regression' | 'token-classification'

/** The label of tokens that no loss or score counts: padding, special tokens, all but the first piece of a word. */
export const ignoredLabel = -100

/** Which document each row of texts is a part of: documents are what is held out, and what is told apart when a loss is judged. */
export interface RowDocuments {
  /** Row -> document, int32 [N]. */
  readonly of: Int32Array
  /**
   * UTF-8 bytes of the text that counts in the loss, a row [N]: those of its document, shared out over the rows by the tokens that
   * count, in whole bytes. Those of all rows of a document are its bytes to the last one.
   */
  readonly bytes: Float64Array
  /** What each document is called: its file, and its line there. */
  readonly names: readonly string[]
}

/** Labelled samples in memory. Row n of `inputs` belongs to row n of `labels`. */
export interface Dataset {
  /** As shown to people: 'MNIST', 'synthetic digits'. */
  readonly name: string
  /** True for drawn data: shown wherever results are shown. */
  readonly synthetic: boolean
  /** [N, ...]: uint8 pixels, float32 features, int64 tokens, texts; as stored, not normalised. */
  readonly inputs: Tensor
  /** int32 [N] or [N, T], indexes into `classes`; or float32 [N, K], targets; by {@link DatasetKind}. */
  readonly labels: Tensor<'int32'> | Tensor<'float32'>
  /** Default: classification for int32 labels, regression for float32. See {@link kindOf}. */
  readonly kind?: DatasetKind | undefined
  /** Class names; empty for regression. */
  readonly classes: readonly string[]
  readonly preprocessing: Preprocessing
  /** Of texts cut to rows: the documents that they were. */
  readonly documents?: RowDocuments | undefined
  /**
   * Whether labels are the next tokens that a causal model predicts: what it says at a place does not depend on what stands behind, so
   * that nothing behind a row's last label has to be read. Default false.
   */
  readonly causal?: boolean | undefined
}

/**
 * A checked data set. `synthetic` is false and values are used as stored unless said otherwise.
 *
 * @throws DataError `data-rows` when inputs and labels differ in number; `data-labels` when labels have the wrong dims;
 * `label-out-of-range` naming the first row whose label is no class; `data-preprocessing` when a mean or std per channel
 * does not fit the inputs or a std is not positive.
 * @example
 * const dataset = createDataset({
 *   name: 'two points',
 *   inputs: float32([2, 3], [0, 0, 0, 1, 1, 1]),
 *   labels: { type: 'int32', dims: [2], data: Int32Array.of(0, 1) },
 *   classes: ['low', 'high'],
 * })
 */
export function createDataset(
  parts: Omit<Dataset, 'synthetic' | 'preprocessing'> & Partial<Pick<Dataset, 'synthetic' | 'preprocessing'>>,
): Dataset {
  const dataset: Dataset = {
    ...parts,
    synthetic: parts.synthetic ?? false,
    preprocessing: parts.preprocessing ?? asStored,
  }
  const rows = rowCount(dataset.inputs)
  if (rowCount(dataset.labels) !== rows) {
    throw new DataError(
      'data-rows',
      `Data set '${dataset.name}' has ${count(rows, 'input')} but ${count(rowCount(dataset.labels), 'label')}; each input needs one label.`,
    )
  }
  const { documents } = dataset
  if (documents && (documents.of.length !== rows || documents.bytes.length !== rows)) {
    throw new DataError(
      'data-rows',
      `Data set '${dataset.name}' has ${count(rows, 'row')} of texts, but documents for ${documents.of.length} and bytes for ${documents.bytes.length}.`,
    )
  }
  checkLabels(dataset)
  checkPreprocessing(dataset)
  return dataset
}

/** What the labels of a data set say, where it is not written down: int32 are classes, float32 are numbers to predict. */
export function kindOf({ kind, labels }: Pick<Dataset, 'kind' | 'labels'>): DatasetKind {
  return kind ?? (labels.type === 'int32' ? 'classification' : 'regression')
}

const labelForms = {
  classification: { type: 'int32', rank: 1, words: 'class labels must be int32 [N]' },
  'multi-label': { type: 'float32', rank: 2, words: 'labels of several classes must be float32 [N, K]' },
  regression: { type: 'float32', rank: 2, words: 'targets must be float32 [N, K]' },
  'token-classification': { type: 'int32', rank: 2, words: 'labels of tokens must be int32 [N, T]' },
} as const satisfies Record<DatasetKind, unknown>

function checkLabels(dataset: Dataset): void {
  const { name, labels, classes } = dataset
  const kind = kindOf(dataset)
  const form = labelForms[kind]
  if (labels.type !== form.type || labels.dims.length !== form.rank) {
    throw new DataError('data-labels', `Data set '${name}': ${form.words}, found ${describe(labels)}.`)
  }
  const width = labels.dims[1] ?? 1
  if (kind === 'multi-label') {
    if (width !== classes.length) {
      throw new DataError(
        'data-labels',
        `Data set '${name}': ${form.words} with one column a class, found ${describe(labels)} and ${count(classes.length, 'class')}.`,
      )
    }
    refuseLabel(dataset, (value) => value !== 0 && value !== 1, 'neither 0 nor 1')
  }
  if (labels.type === 'float32') {
    refuseLabel(dataset, (value) => !Number.isFinite(value), 'no finite number')
    return
  }
  const ignored = kind === 'token-classification' ? ignoredLabel : 0
  refuseLabel(
    dataset,
    (label) => (label < 0 && label !== ignored) || label >= classes.length,
    `not ${oneOf(classes.length, 'class')} (0 to ${classes.length - 1})`,
  )
}

function refuseLabel({ name, labels }: Dataset, wrong: (label: number) => boolean, problem: string): void {
  for (const { from, rows } of rowChunks<'int32' | 'float32'>(labels)) {
    const at = rows.data.findIndex(wrong)
    if (at < 0) continue
    const width = labels.dims[1] ?? 1
    const row = from + Math.floor(at / width)
    const place = labels.dims.length === 1 ? `row ${row}` : `row ${row}, position ${at % width}`
    throw new DataError(
      'label-out-of-range',
      `Data set '${name}', ${place}: label ${rows.data[at]} is ${problem}.`,
    )
  }
}

function checkPreprocessing({ name, inputs, preprocessing }: Dataset): void {
  for (const [which, value] of [
    ['mean', preprocessing.mean],
    ['std', preprocessing.std],
  ] as const) {
    const axis = preprocessing.channelAxis ?? 1
    if (typeof value !== 'number' && value.length !== inputs.dims[axis]) {
      throw new DataError(
        'data-preprocessing',
        `Data set '${name}': ${which} has ${count(value.length, 'value')}, one per channel, but the inputs are ${describe(inputs)} with channels at axis ${axis}.`,
      )
    }
  }
  const deviations = typeof preprocessing.std === 'number' ? [preprocessing.std] : preprocessing.std
  if (deviations.some((std) => !(std > 0))) {
    throw new DataError(
      'data-preprocessing',
      `Data set '${name}': std must be positive, found ${deviations.join(', ')}.`,
    )
  }
}

/** How many samples (rows) a data set has. */
export function samples(dataset: Dataset): number {
  return rowCount(dataset.inputs)
}

/**
 * The rows named by `indices`, in that order, copied; the result shares no memory with `dataset`. Rows that are read of a source are not copied.
 *
 * @throws DataError `row-out-of-range`.
 * @example
 * const firstHundred = subset(mnist, Int32Array.from({ length: 100 }, (_, row) => row))
 */
export function subset(dataset: Dataset, indices: Int32Array, name = dataset.name): Dataset {
  return {
    ...dataset,
    name,
    inputs: pickRows(dataset.inputs, indices),
    labels: takeLabels(dataset.labels, indices),
    ...(dataset.documents && { documents: documentsOf(dataset.documents, indices) }),
  }
}

/** How many documents rows of texts are parts of; undefined where they are of none. */
export const documentCount = ({ documents }: Pick<Dataset, 'documents'>): number | undefined =>
  documents && new Set(documents.of).size

/** Documents keep their numbers and names, whichever of their rows are taken. */
const documentsOf = ({ of, bytes, names }: RowDocuments, indices: Int32Array): RowDocuments => ({
  of: indices.map((row) => itemAt(of, row, 'row')),
  bytes: Float64Array.from(indices, (row) => itemAt(bytes, row, 'row')),
  names,
})

function takeLabels(labels: Dataset['labels'], indices: Int32Array): Dataset['labels'] {
  return labels.type === 'int32' ? pickRows(labels, indices) : pickRows(labels, indices)
}

/** The rows whose class label is one of `wanted`, in their old order. */
export function rowsOfClasses(dataset: Dataset, wanted: readonly number[]): Int32Array {
  const labels = classLabels(dataset)
  const member = new Set(wanted)
  const rows: number[] = []
  for (const [row, label] of labels.entries()) if (member.has(label)) rows.push(row)
  return Int32Array.from(rows)
}

/**
 * The class indexes of a data set, int32 [N].
 *
 * @throws DataError `data-labels` when its rows have no one class each.
 */
export function classLabels(dataset: Dataset): Int32Array {
  if (dataset.labels.type !== 'int32' || dataset.labels.dims.length !== 1) {
    throw new DataError(
      'data-labels',
      `Data set '${dataset.name}' has ${kindOf(dataset)} labels ${describe(dataset.labels)}, but one class a row (int32 [N]) is needed here.`,
    )
  }
  return dataset.labels.data
}

/**
 * The rows of all data sets, in order. They must agree in the type and dims of rows, in classes and in preprocessing; the
 * result is synthetic as soon as one part is.
 *
 * @throws DataError `data-empty`, `row-mismatch`, or `data-mismatch` naming the part that differs.
 */
export function concatenate(datasets: readonly Dataset[], name?: string): Dataset {
  const [first] = datasets
  if (first === undefined)
    throw new DataError('data-empty', 'There is nothing to concatenate: the list of data sets is empty.')
  for (const [position, part] of datasets.entries()) {
    if (kindOf(part) !== kindOf(first)) {
      throw new DataError(
        'data-mismatch',
        `Part ${position} ('${part.name}') is for ${kindOf(part)}, but part 0 ('${first.name}') for ${kindOf(first)}.`,
      )
    }
    for (const key of ['classes', 'preprocessing'] as const) {
      if (JSON.stringify(part[key]) !== JSON.stringify(first[key])) {
        throw new DataError(
          'data-mismatch',
          `Part ${position} ('${part.name}') and part 0 ('${first.name}') differ in ${key}: ${JSON.stringify(part[key])} against ${JSON.stringify(first[key])}.`,
        )
      }
    }
  }
  return {
    ...first,
    name: name ?? first.name,
    synthetic: datasets.some((part) => part.synthetic),
    inputs: concatenateRows(datasets.map((part) => part.inputs)),
    labels: concatenateRows<'int32' | 'float32'>(datasets.map((part) => part.labels)) as Dataset['labels'],
    documents: joinedDocuments(datasets),
    causal: datasets.every(({ causal }) => causal) || undefined,
  }
}

/** The documents of all parts, numbered on; undefined where a part has none. */
function joinedDocuments(datasets: readonly Dataset[]): RowDocuments | undefined {
  const parts = datasets.flatMap(({ documents }) => (documents ? [documents] : []))
  if (parts.length < datasets.length) return undefined
  let before = 0
  const of = parts.map((part) => {
    const start = before
    before += part.names.length
    return part.of.map((document) => document + start)
  })
  return {
    of: Int32Array.from(of.flatMap((numbers) => [...numbers])),
    bytes: Float64Array.from(parts.flatMap(({ bytes }) => [...bytes])),
    names: parts.flatMap(({ names }) => names),
  }
}

/**
 * The same inputs (not copied) under other labels.
 *
 * @throws DataError as {@link createDataset} does.
 */
export function withLabels(dataset: Dataset, labels: Dataset['labels'], classes = dataset.classes): Dataset {
  const kind = labels.type === dataset.labels.type ? dataset.kind : undefined
  // Labels that were checked are right among as many classes.
  if (labels === dataset.labels && labels.type === 'int32' && classes.length >= dataset.classes.length)
    return { ...dataset, classes }
  return createDataset({ ...dataset, kind, labels, classes })
}

/** The same data, to be normalised otherwise. */
export function withPreprocessing(dataset: Dataset, preprocessing: Preprocessing): Dataset {
  const changed = { ...dataset, preprocessing }
  checkPreprocessing(changed)
  return changed
}
