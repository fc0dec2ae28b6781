import { type Dataset, kindOf } from '../data/dataset.ts'
import { flatAdvice } from '../data/images/index.ts'
import { rowChunks } from '../data/row-chunks.ts'
import { concatenateRows } from '../data/rows.ts'
import { sourceOf } from '../data/spilled.ts'
import { DataError, UsageError } from '../errors.ts'
import type { Model } from '../model/model.ts'
import { int64, type Tensor } from '../tensor/tensor.ts'

/**
 * Refuses rows that the model does not read, before any time is spent on them.
 *
 * @param place What messages call the data.
 * @throws DataError `data-dims`, `data-not-finite`; UsageError `tokenizer-missing`, `update-kind`.
 */
export function checkRows(dataset: Dataset, model: Model, place: string): void {
  const { inputs } = dataset
  if (inputs.type === 'string' && model.input.type !== 'string') {
    throw new UsageError(
      'tokenizer-missing',
      model.input.type === 'float32'
        ? `${place}: the data are texts, and the model reads numbers. Give it ${(model.input.dims?.length ?? 0) > 3 ? 'images' : 'rows of numbers'} with a label, or name a model of texts.`
        : `${place}: the data are texts, and the model reads ${model.input.type} tokens: put its tokenizer.json beside the model.`,
    )
  }
  checkDims(inputs, model, place)
  if (inputs.type !== 'float32') return
  for (const { from, rows } of rowChunks(inputs as Tensor<'float32'>)) checkFinite(rows, from, place)
}

function checkFinite({ dims, data }: Tensor<'float32'>, from: number, place: string): void {
  const at = data.findIndex((value) => !Number.isFinite(value))
  if (at < 0) return
  const width = data.length / (dims[0] ?? 1)
  throw new DataError(
    'data-not-finite',
    `${place}, row ${from + Math.floor(at / width)}, value ${at % width}: ${data[at]} is no number that can be learned from. Correct the row or take it out.`,
  )
}

/** Labels have to be one class a row: accuracy is what the budget is counted in. */
export function checkKind(dataset: Dataset, place: string): void {
  const kind = kindOf(dataset)
  if (kind === 'classification') return
  throw new UsageError(
    'update-kind',
    `${place}: the labels are for ${kind}, but an update counts its budget in accuracy and needs one class a row. Train such a model with holdfast learn.`,
  )
}

function checkDims({ dims, type }: Tensor, { input }: Model, place: string): void {
  const [, ...row] = dims
  const [, ...wanted] = input.dims ?? []
  if (input.dims === undefined) return
  const sizes = wanted.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : undefined))
  const fits =
    row.length === sizes.length
      ? sizes.every((size, axis) => size === undefined || size === row[axis])
      : // Of another rank: models that flatten their input take it when it is as large.
        sizes.some((size) => size === undefined) || product(sizes) === product(row)
  if (fits) return
  throw new DataError(
    'data-dims',
    `${place}: a row is [${row.join(', ')}], but the model's input "${input.name}" wants [${wanted.map((dim) => dim ?? '?').join(', ')}]. ${type === 'uint8' && row.length === 3 ? imageAdvice(row, sizes) : 'Give data of that shape.'}`,
  )
}

/** What to do where images have another size than the model reads. */
function imageAdvice(
  [, height = 0, width = 0]: readonly number[],
  wanted: readonly (number | undefined)[],
): string {
  const [numbers] = wanted
  return wanted.length === 1 && numbers !== undefined
    ? flatAdvice(numbers, [{ height, width }])
    : 'Give images of that size, or say in a holdfast.json beside the model how they become it (resize, crop).'
}

const product = (dims: readonly (number | undefined)[]): number =>
  dims.reduce<number>((size, dim) => size * (dim ?? 1), 1)

/** Rows of tokens [N, T], made `length` long with the id that fills up. Others stay as they are. */
export function paddedTo(dataset: Dataset, length: number): Dataset {
  const { inputs, preprocessing } = dataset
  const [, width = 0] = inputs.dims
  if (inputs.type !== 'int64' || inputs.dims.length !== 2 || width >= length) return dataset
  const keep = sourceOf(inputs)?.spill?.keep
  if (!keep) return { ...dataset, inputs: longer(inputs, length, preprocessing.pad) }
  const parts: Tensor[] = []
  for (const { rows } of rowChunks(inputs)) parts.push(keep(longer(rows, length, preprocessing.pad)))
  return { ...dataset, inputs: concatenateRows(parts) }
}

function longer(inputs: Tensor, length: number, pad = 0): Tensor {
  const [rows = 0, width = 0] = inputs.dims
  const wider = int64([rows, length], new Array<number>(rows * length).fill(pad))
  const ids = inputs.data as BigInt64Array
  for (let row = 0; row < rows; row++) {
    wider.data.set(ids.subarray(row * width, (row + 1) * width), row * length)
  }
  return wider
}
