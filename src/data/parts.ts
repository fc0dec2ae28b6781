import type { Tensor } from '../tensor/tensor.ts'
import { createDataset, type Dataset, type Preprocessing } from './dataset.ts'
import { encodeLabels, type RawLabels } from './labels.ts'

/** One file's rows before their labels have become class indexes. */
export interface RawPart {
  readonly inputs: Tensor
  /** Labels as found, or float32 [N, K] targets. */
  readonly labels: RawLabels | Tensor<'float32'>
}

/** Data as loaded. Without a division into parts in the source, everything is `train`. */
export interface LoadedData {
  readonly train: Dataset
  readonly validation?: Dataset
  readonly test?: Dataset
}

export type PartName = keyof LoadedData

export type PartsOf<T> = { readonly train: T } & {
  readonly [Part in Exclude<PartName, 'train'>]?: T | undefined
}

export interface AssembleOptions {
  readonly name: string
  readonly classes?: readonly string[] | undefined
  readonly preprocessing?: Preprocessing | undefined
}

/** Data sets under one list of classes from the raw parts of one source. */
export function assemble(parts: PartsOf<RawPart>, options: AssembleOptions): LoadedData {
  const named = (['train', 'validation', 'test'] as const).flatMap((part) => {
    const raw = parts[part]
    return raw === undefined ? [] : [{ part, ...raw }]
  })
  const labelled = named.flatMap(({ labels }) => ('values' in labels ? [labels] : []))
  const { classes, labels: encoded } = encodeLabels(labelled, options.classes)
  const remaining = [...encoded]
  const loaded: { [Part in PartName]?: Dataset } = {}
  for (const { part, inputs, labels } of named) {
    const final = 'values' in labels ? remaining.shift() : labels
    if (final === undefined) continue
    loaded[part] = createDataset({
      name: options.name,
      inputs,
      labels: final,
      classes: 'values' in labels ? classes : [],
      ...(options.preprocessing && { preprocessing: options.preprocessing }),
    })
  }
  return loaded as LoadedData
}
