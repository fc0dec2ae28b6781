import { DataError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { bytesOf, concatenateRows, describe, rowCount, takeRows } from './rows.ts'
import { sha256 } from './sha256.ts'

/**
 * How stored values become a model's input: `(stored * scale - mean) / std`. `mean` and `std` are one number, or one
 * per channel of inputs [N, C, ...]. It is done in the graph, so that data stay small in memory and an exported model
 * can carry it.
 */
export interface Preprocessing {
  readonly scale: number
  readonly mean: number | readonly number[]
  readonly std: number | readonly number[]
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

/** Labelled samples in memory. Row n of `inputs` belongs to row n of `labels`. */
export interface Dataset {
  /** As shown to people: 'MNIST', 'synthetic digits'. */
  readonly name: string
  /** True for drawn data: shown wherever results are shown. */
  readonly synthetic: boolean
  /** [N, ...]: uint8 pixels, float32 features, int64 tokens, texts; as stored, not normalised. */
  readonly inputs: Tensor
  /** int32 [N], indexes into `classes`; or float32 [N, K], targets. */
  readonly labels: Tensor<'int32'> | Tensor<'float32'>
  /** Class names; empty for targets. */
  readonly classes: readonly string[]
  readonly preprocessing: Preprocessing
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
      `Data set '${dataset.name}' has ${rows} inputs but ${rowCount(dataset.labels)} labels; each input needs one label.`,
    )
  }
  checkLabels(dataset)
  checkPreprocessing(dataset)
  return dataset
}

function checkLabels({ name, labels, classes }: Dataset): void {
  if (labels.type === 'float32') {
    if (labels.dims.length !== 2) {
      throw new DataError(
        'data-labels',
        `Data set '${name}': targets must be float32 [N, K], found ${describe(labels)}.`,
      )
    }
    return
  }
  if (labels.dims.length !== 1) {
    throw new DataError(
      'data-labels',
      `Data set '${name}': class labels must be int32 [N], found ${describe(labels)}.`,
    )
  }
  const row = labels.data.findIndex((label) => label < 0 || label >= classes.length)
  if (row >= 0) {
    throw new DataError(
      'label-out-of-range',
      `Data set '${name}', row ${row}: label ${labels.data[row]} is not one of the ${classes.length} classes (0 to ${classes.length - 1}).`,
    )
  }
}

function checkPreprocessing({ name, inputs, preprocessing }: Dataset): void {
  for (const [which, value] of [
    ['mean', preprocessing.mean],
    ['std', preprocessing.std],
  ] as const) {
    if (typeof value !== 'number' && (inputs.dims.length < 2 || value.length !== inputs.dims[1])) {
      throw new DataError(
        'data-preprocessing',
        `Data set '${name}': ${which} has ${value.length} values, one per channel, but the inputs are ${describe(inputs)} with channels at axis 1.`,
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
 * The rows named by `indices`, in that order, copied; the result shares no memory with `dataset`.
 *
 * @throws DataError `row-out-of-range`.
 * @example
 * const firstHundred = subset(mnist, Int32Array.from({ length: 100 }, (_, row) => row))
 */
export function subset(dataset: Dataset, indices: Int32Array, name = dataset.name): Dataset {
  return {
    ...dataset,
    name,
    inputs: takeRows(dataset.inputs, indices),
    labels: takeLabels(dataset.labels, indices),
  }
}

function takeLabels(labels: Dataset['labels'], indices: Int32Array): Dataset['labels'] {
  return labels.type === 'int32' ? takeRows(labels, indices) : takeRows(labels, indices)
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
 * @throws DataError `data-labels` when it has targets instead of classes.
 */
export function classLabels(dataset: Dataset): Int32Array {
  if (dataset.labels.type !== 'int32') {
    throw new DataError(
      'data-labels',
      `Data set '${dataset.name}' has float targets ${describe(dataset.labels)}, but class labels (int32 [N]) are needed here.`,
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
    for (const key of ['classes', 'preprocessing'] as const) {
      if (JSON.stringify(part[key]) !== JSON.stringify(first[key])) {
        throw new DataError(
          'data-mismatch',
          `Part ${position} ('${part.name}') and part 0 ('${first.name}') differ in ${key}: ${JSON.stringify(part[key])} against ${JSON.stringify(first[key])}.`,
        )
      }
    }
  }
  const int32 = datasets.flatMap(({ labels }) => (labels.type === 'int32' ? [labels] : []))
  const float32 = datasets.flatMap(({ labels }) => (labels.type === 'float32' ? [labels] : []))
  if (int32.length > 0 && float32.length > 0) {
    throw new DataError(
      'data-mismatch',
      `Some of the data sets to concatenate have classes (int32), others targets (float32).`,
    )
  }
  return {
    ...first,
    name: name ?? first.name,
    synthetic: datasets.some((part) => part.synthetic),
    inputs: concatenateRows(datasets.map((part) => part.inputs)),
    labels: int32.length > 0 ? concatenateRows(int32) : concatenateRows(float32),
  }
}

/**
 * The same inputs (not copied) under other labels.
 *
 * @throws DataError as {@link createDataset} does.
 */
export function withLabels(dataset: Dataset, labels: Dataset['labels'], classes = dataset.classes): Dataset {
  return createDataset({ ...dataset, labels, classes })
}

/** The same data, to be normalised otherwise. */
export function withPreprocessing(dataset: Dataset, preprocessing: Preprocessing): Dataset {
  return createDataset({ ...dataset, preprocessing })
}

/**
 * The SHA-256 of a data set's content as 64 hexadecimal digits: types, dims and values of inputs and labels, classes and
 * preprocessing; not its name. Equal data have equal fingerprints on every machine that ONNX Runtime runs on (values are
 * hashed in little-endian order, as they lie in memory). Synchronous; MNIST takes about half a second.
 */
export function fingerprint(dataset: Dataset): string {
  const { classes, preprocessing, inputs, labels } = dataset
  const hash = sha256()
  const header = [inputs, labels].map(({ type, dims }) => ({ type, dims }))
  hash.update(
    `${JSON.stringify([header, classes, [preprocessing.scale, preprocessing.mean, preprocessing.std, ...(preprocessing.pad === undefined ? [] : [preprocessing.pad])]])}\n`,
  )
  // Texts as JSON: where one ends and the next begins is part of the content.
  hash.update(inputs.type === 'string' ? JSON.stringify(inputs.data) : bytesOf(inputs))
  return hash.update(bytesOf(labels)).hex()
}
