import { concatenate, type Dataset, samples, subset } from '../../data/dataset.ts'
import { rowKeys } from '../../data/fingerprint.ts'
import { concatenateRows, takeRows } from '../../data/rows.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError, UsageError } from '../../errors.ts'
import {
  type ActivationStore,
  activationsAt,
  cutsOf,
  headCut,
  inFloats,
  modelAbove,
  type Place,
  storedAs,
} from '../../evaluate/cuts/index.ts'
import { refuseRaw } from '../../evaluate/features.ts'
import { openJudge } from '../../evaluate/judge.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { predicted } from '../path/index.ts'
import { trunkHash } from './trunk-hash.ts'

/** Held-out rows of which a pack has what the layers below a cut make of them, and no inputs: they prove what trains above it. */
export interface HeldActivations {
  readonly cut: Place
  /** SHA-256 of all that lies below the cut; see {@link trunkHash}. */
  readonly trunk: string
  /** Activations in place of inputs. Its preprocessing makes of what is stored what the layers above read. */
  readonly dataset: Dataset
  /** The beginning of each input's SHA-256, uint8 [n, 8]: tells whether a row is among others. */
  readonly keys: Tensor<'uint8'>
  /** int32 [n]: how many releases have been proved on each row. */
  readonly uses: Tensor<'int32'>
  /** What each release answered, first to last, int32 [n]: -1 for rows that came later. */
  readonly answers: readonly Tensor<'int32'>[]
}

const KEY_BYTES = 8

/** The keys that rows have in a pack. */
export function activationKeys(dataset: Dataset): Tensor<'uint8'> {
  const keys = rowKeys(dataset)
  const data = new Uint8Array(keys.length * KEY_BYTES)
  for (const [row, key] of keys.entries()) {
    for (let at = 0; at < KEY_BYTES; at++) {
      data[row * KEY_BYTES + at] = Number.parseInt(key.slice(2 * at, 2 * at + 2), 16)
    }
  }
  return { type: 'uint8', dims: [keys.length, KEY_BYTES], data }
}

/** Keys as words, to look rows up by. */
export const keyWords = ({ dims: [rows = 0, width = 0], data }: Tensor<'uint8'>): string[] =>
  Array.from({ length: rows }, (_, row) => data.subarray(row * width, (row + 1) * width).join(' '))

/** The rows of a data set that are not among those of which a pack has activations. */
export function notAmong(dataset: Dataset, held: Pick<HeldActivations, 'keys'> | undefined): Dataset {
  if (!held || samples(dataset) === 0) return dataset
  const known = new Set(keyWords(held.keys))
  const words = keyWords(activationKeys(dataset))
  const rows = words.flatMap((word, row) => (known.has(word) ? [] : [row]))
  return rows.length === words.length ? dataset : subset(dataset, Int32Array.from(rows))
}

/**
 * Where held-out rows are taken.
 *
 * @param at The name of a value of the graph; default what the head reads.
 * @throws UsageError `keep-cut` naming the places that there are; ModelError `features-raw`, `head-missing`, `head-tied`.
 */
export function placeFor(model: Model, rowDims: readonly number[], at: string | undefined): Place {
  if (at === undefined) {
    refuseRaw(model)
    return headCut(model)
  }
  const cuts = cutsOf(model, rowDims)
  const found = cuts.find(({ values }) => values[0] === at)
  if (found) {
    const { values, types, dims } = found
    return { values, types, dims, rowDims }
  }
  const places = cuts.map(
    ({ values, floats }) => `${values[0]} (${floats.toLocaleString('en-US')} numbers a row)`,
  )
  throw new UsageError(
    'keep-cut',
    `The model cannot be taken apart at "${at}". ${places.length > 0 ? `It can at ${places.join(', ')}` : 'No place was found where it can'}. Without a place it is what the head reads.`,
  )
}

/** From so many rows on that all answer alike, a byte a value is enough: with fewer, that they do says little. */
const ROWS_FOR_BYTES = 1000

/**
 * What a model makes of held-out rows below a cut, in as few bytes as leave every answer as it is.
 *
 * @param answers The whole model's answers for these rows.
 * @throws ModelError `cut-differs` where even as float32 they are not the model's.
 */
export async function activationsOf(
  engine: Engine,
  model: Model,
  cut: Place,
  rows: Dataset,
  answers: Int32Array,
): Promise<Dataset> {
  const exact = await activationsAt(engine, model, cut, rows)
  const judge = openJudge(engine, modelAbove(model, cut), model.classes.length)
  try {
    const stores: readonly ActivationStore[] = [
      ...(samples(rows) < ROWS_FOR_BYTES ? [] : (['uint8'] as const)),
      'float16',
      'float32',
    ]
    for (const store of stores) {
      const stored = inStore(exact, store)
      if (!stored) continue
      const found = predicted(await judge.answers(stored), model.classes.length, 0)
      if (found.every((unit, row) => unit === answers[row])) return stored
    }
  } finally {
    await judge.dispose()
  }
  throw new ModelError(
    'cut-differs',
    `Above "${cut.values[0]}" the model answers some rows of ${rows.name} otherwise than as a whole, so that they cannot prove anything there. Take held-out rows at another place (--activations-at), or as inputs alone (--held-out).`,
  )
}

/** @returns undefined where the values are too large for it. */
function inStore(exact: Dataset, store: ActivationStore): Dataset | undefined {
  try {
    return storedAs(exact, store)
  } catch (error) {
    if (error instanceof DataError && error.code === 'activations-range') return undefined
    throw error
  }
}

/** Activations of several parts as one data set: as they are stored where they are stored alike, else as float32. */
export function joinedActivations(parts: readonly Dataset[]): Dataset {
  const forms = new Set(
    parts.map(({ inputs, preprocessing }) => JSON.stringify([inputs.type, preprocessing])),
  )
  return concatenate(forms.size > 1 ? parts.map(inFloats) : parts)
}

/** Some of the rows. */
export function someOf(held: HeldActivations, rows: Int32Array): HeldActivations {
  return {
    ...held,
    dataset: subset(held.dataset, rows),
    keys: takeRows(held.keys, rows),
    uses: takeRows(held.uses, rows),
    answers: held.answers.map((each) => takeRows(each, rows)),
  }
}

/** Those of two packs, of the same cut and the same releases. Rows that both have are kept once. */
export function mergedActivations(
  a: HeldActivations | undefined,
  b: HeldActivations | undefined,
): HeldActivations | undefined {
  if (!a || !b) return a ?? b
  const places = new Map(keyWords(a.keys).map((word, row) => [word, row]))
  const uses = Int32Array.from(a.uses.data)
  const fresh = keyWords(b.keys).flatMap((word, row) => {
    const place = places.get(word)
    if (place === undefined) return [row]
    // A row that both packs have was used as often as in the one that used it most.
    uses[place] = Math.max(itemAt(uses, place, 'row'), itemAt(b.uses.data, row, 'row'))
    return []
  })
  const more = someOf(b, Int32Array.from(fresh))
  return {
    ...a,
    dataset: joinedActivations([a.dataset, more.dataset]),
    keys: concatenateRows([a.keys, more.keys]),
    uses: concatenateRows([{ ...a.uses, data: uses }, more.uses]),
    answers: a.answers.map((each, at) => concatenateRows([each, itemAt(more.answers, at, 'release')])),
  }
}
