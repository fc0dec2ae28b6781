import type { Tensor } from '../tensor/tensor.ts'
import type { Dataset } from './dataset.ts'
import type { RawLabels } from './names/index.ts'
import type { TokenRow } from './text/index.ts'

/** An image that has not been decoded: its bytes, or the file that holds it. */
export interface ImageReference {
  /** For example `train.parquet, row 7`; named in errors. */
  readonly place: string
  readonly bytes?: Uint8Array
  /** Relative to the folder of the table that names it. */
  readonly file?: string
}

/** Inputs as a source gives them: numbers, texts, texts divided into words, or images. */
export type RawInputs =
  | Tensor
  | { readonly words: readonly (readonly string[])[] }
  | { readonly images: readonly ImageReference[] }

/** Some rows of a source. */
export interface RawPart {
  readonly inputs: RawInputs
  /** Labels as found, or float32 [N, K] targets. */
  readonly labels: RawLabels | Tensor<'float32'>
  /** The names of the columns that the inputs are made of, one a number, where they have names. */
  readonly columns?: readonly string[] | undefined
  /** How many rows the source has at least, where that is known before they are read. */
  readonly total?: number | undefined
}

/** The same rows with images decoded and texts tokenized. */
export interface ReadyPart {
  readonly inputs: Tensor | { readonly tokens: readonly TokenRow[] }
  readonly labels: RawPart['labels']
  readonly columns?: readonly string[] | undefined
}

/** Data as loaded. Without a division into parts in the source, everything is `train`. */
export interface LoadedData {
  readonly train: Dataset
  readonly validation?: Dataset
  readonly test?: Dataset
  /** The names of the columns that the inputs are made of, in order, where tables of numbers were read. */
  readonly columns?: readonly string[] | undefined
  /** What was recognised, altered or left out in reading, as sentences. */
  readonly notes: readonly string[]
}

export type PartName = Exclude<keyof LoadedData, 'columns' | 'notes'>
