import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { type Tensor, toNumbers } from '../../tensor/tensor.ts'
import type { PartName, RawPart } from '../parts.ts'
import { describe } from '../rows.ts'
import type { TableOptions } from './table.ts'

const names = {
  train: ['x_train', 'y_train'],
  validation: ['x_val', 'y_val'],
  test: ['x_test', 'y_test'],
} as const satisfies Record<PartName, readonly [string, string]>

/**
 * Pairs of inputs and labels among named arrays: `x_train`, `y_train`, `x_test`, `y_test` (and `x_val`, `y_val`), or
 * `x`, `y`. float64 inputs become float32. Labels of whole numbers [N] (or [N, 1]) are class indexes; float labels
 * [N, K] are targets.
 *
 * @param source Named in errors.
 * @param options.kind `regression`: whole numbers are to be predicted, too.
 * @param options.unlabelled Takes the inputs alone.
 * @throws DataError `arrays-missing`, `arrays-labels`.
 */
export function partsOfArrays(
  arrays: ReadonlyMap<string, Tensor>,
  source: string,
  options: Pick<TableOptions, 'kind' | 'unlabelled'> = {},
): Map<PartName, RawPart> {
  const found = new Map<PartName, RawPart>()
  for (const part of ['train', 'validation', 'test'] as const) {
    const [x, y] = names[part]
    const raw =
      pair(arrays, x, y, source, options) ??
      (part === 'train' ? pair(arrays, 'x', 'y', source, options) : undefined)
    if (raw) found.set(part, raw)
  }
  if (found.size > 0) return found
  throw new DataError(
    'arrays-missing',
    `${source}: expected arrays x and y, or x_train, y_train, x_test, y_test; found ${[...arrays.keys()].join(', ') || 'none'}.`,
  )
}

function pair(
  arrays: ReadonlyMap<string, Tensor>,
  x: string,
  y: string,
  source: string,
  options: Pick<TableOptions, 'kind' | 'unlabelled'>,
): RawPart | undefined {
  const inputs = arrays.get(x)
  const labels = arrays.get(y)
  if (inputs === undefined && labels === undefined) return undefined
  if (inputs && options.unlabelled) {
    return {
      inputs: narrow(inputs),
      labels: { type: 'float32', dims: [itemAt(inputs.dims, 0, 'axis'), 0], data: new Float32Array() },
    }
  }
  if (inputs === undefined || labels === undefined) {
    throw new DataError(
      'arrays-missing',
      `${source}: there is ${inputs ? x : y}, but not ${inputs ? y : x}; inputs and labels come in pairs.`,
    )
  }
  if (inputs.dims.length === 0 || inputs.dims[0] !== labels.dims[0]) {
    throw new DataError(
      'data-rows',
      `${source}: ${x} is ${describe(inputs)}, but ${y} is ${describe(labels)}: their first dims must be equal.`,
    )
  }
  return { inputs: narrow(inputs), labels: readLabels(labels, `${source}, ${y}`, options.kind) }
}

function narrow(tensor: Tensor): Tensor {
  if (tensor.type !== 'float64') return tensor
  return { type: 'float32', dims: tensor.dims, data: Float32Array.from(tensor.data as Float64Array) }
}

function readLabels(labels: Tensor, place: string, kind: TableOptions['kind']): RawPart['labels'] {
  const column = labels.dims.length === 1 || (labels.dims.length === 2 && labels.dims[1] === 1)
  const floating = labels.type === 'float32' || labels.type === 'float64'
  const numbers = kind === 'regression' || kind === 'multi-label'
  const values = column || floating || numbers ? toNumbers(labels) : []
  if (column && !numbers && values.every((value) => Number.isInteger(value) && value >= 0)) {
    return { kind: 'classification', values, locate: (row) => `${place}, row ${row}` }
  }
  if ((floating || numbers) && labels.dims.length <= 2) {
    return {
      type: 'float32',
      dims: [itemAt(labels.dims, 0, 'axis'), labels.dims[1] ?? 1],
      data: Float32Array.from(values),
    }
  }
  throw new DataError(
    'arrays-labels',
    `${place}: expected class indexes (whole numbers from 0 on, [N]) or float targets [N, K], found ${describe(labels)}${column ? ' with negative values' : ''}.`,
  )
}
