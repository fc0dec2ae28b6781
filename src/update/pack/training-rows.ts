import { count } from '../../count.ts'
import { classLabels, concatenate, type Dataset, samples, subset } from '../../data/dataset.ts'
import { openFingerprint } from '../../data/fingerprint.ts'
import { concatenateRows } from '../../data/rows.ts'
import { DataError } from '../../errors.ts'
import { present } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Rows that may not fit into memory together, gone through block by block: the same ones in the same order each time. */
export interface RowBlocks {
  readonly blocks: () => Iterable<Dataset> | AsyncIterable<Dataset>
}

/** What a pack is told of all rows that a model was trained on, but for their inputs. */
export interface TrainingRows {
  /** No row, but all that holds of each: name, classes, preprocessing, dims. */
  readonly none: Dataset
  readonly labels: Int32Array
  /** Of all rows, where they were asked for. */
  readonly features: Tensor<'float32'> | undefined
  readonly logits: Tensor<'float32'> | undefined
}

/** The same with each block changed. */
export const mapBlocks = ({ blocks }: RowBlocks, change: (block: Dataset) => Dataset): RowBlocks => ({
  blocks: async function* () {
    for await (const block of blocks()) yield change(block)
  },
})

/** Rows in memory are one block. */
export const inBlocks = (rows: Dataset | RowBlocks): RowBlocks =>
  'blocks' in rows ? rows : { blocks: () => [rows] }

type OfBlock = ((block: Dataset) => Promise<Tensor<'float32'>>) | undefined

/** Goes through all rows once, for their labels and for what is asked of each block. */
export async function surveyRows(
  { blocks }: RowBlocks,
  ask: { readonly features: OfBlock; readonly logits: OfBlock },
): Promise<TrainingRows> {
  let none: Dataset | undefined
  const labels: Tensor<'int32'>[] = []
  const [features, logits]: [Tensor<'float32'>[], Tensor<'float32'>[]] = [[], []]
  for await (const block of blocks()) {
    none ??= subset(block, new Int32Array())
    const own = classLabels(block)
    labels.push({ type: 'int32', dims: [own.length], data: own })
    if (ask.features) features.push(await ask.features(block))
    if (ask.logits) logits.push(await ask.logits(block))
  }
  const whole = (parts: readonly Tensor<'float32'>[]) =>
    parts.length === 0 ? undefined : concatenateRows(parts)
  return {
    none: present(none, 'a block of training rows'),
    labels: concatenateRows(labels).data,
    features: whole(features),
    logits: whole(logits),
  }
}

/**
 * Goes through all rows once more: those that are wanted, each list in its order, and the fingerprint of all.
 *
 * @throws DataError `data-changed` where there are not as many as before.
 */
export async function pickRows(
  { blocks }: RowBlocks,
  { none, labels }: TrainingRows,
  wanted: readonly Int32Array[],
): Promise<{ readonly picked: readonly Dataset[]; readonly fingerprint: string }> {
  const hash = openFingerprint({
    ...none,
    inputs: { ...none.inputs, dims: [labels.length, ...none.inputs.dims.slice(1)] },
    labels: { type: 'int32', dims: [labels.length], data: labels },
  })
  const found = wanted.map(() => [] as { readonly part: Dataset; readonly places: readonly number[] }[])
  let from = 0
  for await (const block of blocks()) {
    hash.take(block.inputs)
    const to = from + samples(block)
    for (const [at, rows] of wanted.entries()) {
      const places = [...rows.keys()].filter((place) => inside(rows[place], from, to))
      const own = Int32Array.from(places, (place) => present(rows[place], 'wanted row') - from)
      if (places.length > 0) found[at]?.push({ part: subset(block, own), places })
    }
    from = to
  }
  if (from !== labels.length) throw changed(none.name, labels.length, from)
  return { picked: found.map((parts) => inPlaces(none, parts)), fingerprint: hash.hex() }
}

const changed = (name: string, first: number, then: number): DataError =>
  new DataError(
    'data-changed',
    `${name}: there were ${count(first, 'training row')} when they were gone through first, and ${then} the second time. Leave the data as they are until the pack is made.`,
  )

const inside = (row: number | undefined, from: number, to: number): boolean =>
  row !== undefined && row >= from && row < to

/** Parts as one data set, each row in its place. */
function inPlaces(
  none: Dataset,
  parts: readonly { readonly part: Dataset; readonly places: readonly number[] }[],
): Dataset {
  const places = parts.flatMap((each) => each.places)
  const order = new Int32Array(places.length)
  for (const [row, place] of places.entries()) order[place] = row
  return subset(concatenate([none, ...parts.map(({ part }) => part)]), order)
}
