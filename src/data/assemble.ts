import { DataError } from '../errors.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import {
  asStored,
  createDataset,
  type Dataset,
  type DatasetKind,
  type Preprocessing,
  unitPixels,
} from './dataset.ts'
import type { InputSpec } from './images/index.ts'
import { encodeLabels, type RawLabels } from './names/index.ts'
import type { ReadyPart } from './parts.ts'
import { inOneRoom } from './row-room.ts'
import { concatenateRows, withDims } from './rows.ts'
import { padRows, rowLength, type TextTokenizer, type TokenRow } from './text/index.ts'

export interface AssembleOptions {
  readonly name: string
  readonly kind?: DatasetKind | undefined
  readonly preprocessing?: Preprocessing | undefined
  readonly input?: InputSpec | undefined
  readonly tokenizer?: TextTokenizer | undefined
  /** How long rows of tokens get. */
  readonly length?: number | undefined
}

/** One data set from the parts of a split, in order, under one list of classes. */
export function assemble(
  parts: readonly ReadyPart[],
  classes: readonly string[],
  options: AssembleOptions,
): Dataset {
  const [first] = parts
  if (first === undefined) throw new DataError('data-empty', `${options.name}: there are no rows.`)
  const tokens = parts.flatMap(({ inputs }) => ('tokens' in inputs ? inputs.tokens : []))
  const length = options.length ?? rowLength(tokens)
  const inputs =
    'tokens' in first.inputs
      ? padRows(tokens, length, options.tokenizer?.pad ?? 0)
      : inOneRoom(parts.flatMap((part) => ('data' in part.inputs ? [part.inputs] : [])))
  const encoded = parts.map(({ labels }) =>
    'data' in labels
      ? { kind: options.kind ?? ('regression' as const), labels }
      : encodeLabels(labels, classes, length),
  )
  const labels = concatenateRows<'int32' | 'float32'>(encoded.map((part) => part.labels)) as Dataset['labels']
  const kind = encoded[0]?.kind
  const named = 'data' in first.labels ? numbered(kind, classes, labels) : classes
  return createDataset({
    name: options.name,
    // Written down only where the labels' type does not say it.
    ...(kind === 'classification' || kind === 'regression' ? {} : { kind }),
    ...inLayout(inputs, options.input),
    labels,
    classes: named,
    preprocessing: preprocessingOf(inputs, options),
  })
}

/** Columns of 0 and 1 without names are called by their numbers. */
function numbered(
  kind: DatasetKind | undefined,
  classes: readonly string[],
  labels: Dataset['labels'],
): readonly string[] {
  if (kind !== 'multi-label') return []
  return classes.length > 0
    ? classes
    : Array.from({ length: itemAt(labels.dims, 1, 'axis') }, (_, column) => String(column))
}

/** Grey images [N, 1, H, W] as [N, H, W, 1] where the model reads that: the same bytes. */
function inLayout(inputs: Tensor, input: InputSpec | undefined): { readonly inputs: Tensor } {
  const [rows = 0, channels, height = 0, width = 0] = inputs.dims
  const turned =
    input?.kind === 'image' && input.image.layout === 'NHWC' && inputs.dims.length === 4 && channels === 1
  return { inputs: turned && width !== 1 ? withDims(inputs, [rows, height, width, 1]) : inputs }
}

function preprocessingOf(inputs: Tensor, options: AssembleOptions): Preprocessing {
  const { preprocessing, input, tokenizer } = options
  if (inputs.type === 'int64' && tokenizer) return { ...(preprocessing ?? asStored), pad: tokenizer.pad }
  if (preprocessing) return preprocessing
  if (input && input.kind !== 'text') return input.preprocessing
  return inputs.type === 'uint8' && inputs.dims.length === 4 ? unitPixels : asStored
}

/** Labels of words as labels of tokens: a word's first piece has its label, all other tokens none (null). */
export function tagsOfTokens(labels: RawLabels, rows: readonly TokenRow[]): RawLabels {
  if (labels.kind !== 'token-classification') return labels
  return {
    ...labels,
    values: rows.map(({ words }, row) =>
      Array.from(words ?? [], (word) => (word < 0 ? null : (labels.values[row]?.[word] ?? null))),
    ),
  }
}
