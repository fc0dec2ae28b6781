import { concatenate, type Dataset, samples, subset } from '../../data/dataset.ts'
import { rowHashes } from '../../data/fingerprint.ts'
import { concatenateRows, takeRows } from '../../data/rows.ts'
import { UsageError } from '../../errors.ts'
import { itemAt, required } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { predictionsOf } from './answered.ts'
import { activationKeys, keyWords, mergedActivations, someOf } from './held-activations.ts'
import { alike, inOrder } from './keep-extend.ts'
import { mergedCounts } from './merged-counts.ts'
import { type HeldOut, type Pack, type PackBudget, type Release, unseenRows } from './pack.ts'
import { isAmong } from './same-data.ts'

/**
 * One pack of two that were made of the same model on different data. Rows that both have are kept once; a held-out row of
 * one that is an exemplar of the other is left out, as it would be rehearsed and measured on.
 *
 * @throws UsageError `pack-mismatch` saying what differs: model, classes, preprocessing, what is stored, or where held-out rows are
 * activations; `pack-overlap` as {@link mergedCounts}.
 * @example
 * const both = mergePacks(await readPack('north.keep'), await readPack('south.keep'))
 */
export function mergePacks(a: Pack, b: Pack): Pack {
  refuseMismatch(a, b)
  const exemplars = mergedExemplars(a, b)
  const heldOut = mergedHeldOut(a, b, exemplars)
  const activations = mergedAbove(a, b, [exemplars, heldOut?.both.dataset])
  return {
    ...a,
    ...mergedCounts(a, b),
    columns: a.columns ?? b.columns,
    created: a.created > b.created ? a.created : b.created,
    exemplars,
    logits: exemplars && logitsOf(exemplars, [a, b]),
    fisher: mergedFisher(a, b),
    heldOut: heldOut?.both,
    activations,
    data: [...a.data, ...b.data.filter((each) => !isAmong(each, a))],
    budget: mergedBudget(a.budget, b.budget, exemplars),
    history: a.history.map((release) => mergedRelease(release, b.history, heldOut)),
  }
}

function refuseMismatch(a: Pack, b: Pack): void {
  // Packs that were made before columns were kept merge with any.
  const named = a.columns !== undefined && b.columns !== undefined
  const both = a.activations !== undefined && b.activations !== undefined
  const facts = ({
    model,
    classes,
    preprocessing,
    columns,
    private: hides,
    features,
    traffic,
    ...rest
  }: Pack) => ({
    model: model.sha256,
    classes,
    preprocessing,
    columns: named ? columns : 'any',
    'what is stored': hides ? ['features', features?.body] : 'inputs',
    'where held-out rows are activations': both
      ? [rest.activations?.cut.values, rest.activations?.trunk]
      : 'any',
    // Counts add up; what was said of two places cannot be joined.
    'the traffic that was given': traffic?.source === 'given' ? traffic.weights : 'none',
  })
  const [one, other] = [facts(a), facts(b)] as Record<string, unknown>[]
  for (const [what, found] of Object.entries(one ?? {})) {
    const [left, right] = [JSON.stringify(found), JSON.stringify(other?.[what])]
    if (left === right) continue
    const way =
      what === 'model'
        ? ' The answers in a pack are one model’s: extend each pack with the same model first (--extend).'
        : ' Make one of the two anew, as the other was made.'
    throw new UsageError(
      'pack-mismatch',
      `The packs of ${a.model.name} and ${b.model.name} cannot be merged: they differ in ${what}, ${left} against ${right}.${way}`,
    )
  }
}

function mergedExemplars(a: Pack, b: Pack): Dataset | undefined {
  if (!a.exemplars || !b.exemplars) return a.exemplars ?? b.exemplars
  const [one, other] = alike([a.exemplars, b.exemplars])
  if (!one || !other) return one
  return inOrder([one, subset(other, unseenRows(other, [one]))])
}

/** The logits of rows, found by what the rows are. */
function logitsOf(exemplars: Dataset, packs: readonly Pack[]): Tensor<'float32'> {
  const parts = packs.flatMap(({ exemplars: own, logits }) => (own && logits ? [{ own, logits }] : []))
  const table = concatenateRows(parts.map(({ logits }) => logits))
  const places = new Map<string, number>()
  const hashes = alike([exemplars, ...parts.map(({ own }) => own)])
    .slice(1)
    .flatMap((own) => rowHashes(own))
  for (const [row, hash] of hashes.entries()) if (!places.has(hash)) places.set(hash, row)
  return takeRows(
    table,
    Int32Array.from(rowHashes(exemplars), (hash) => places.get(hash) ?? -1),
  )
}

interface MergedHeldOut {
  readonly both: HeldOut
  /** Which rows of each pack's held-out part stayed, first those of the first pack. */
  readonly stayed: readonly [Int32Array, Int32Array]
}

function mergedHeldOut(a: Pack, b: Pack, exemplars: Dataset | undefined): MergedHeldOut | undefined {
  const [one, other] = [a.heldOut, b.heldOut]
  const parts = [one, other].filter((part) => part !== undefined)
  if (parts.length === 0) return undefined
  const rehearsed = exemplars ? [exemplars] : []
  const all = alike([...rehearsed, ...parts.map(({ dataset }) => dataset)])
  const [avoided, datasets] = [all.slice(0, rehearsed.length), all.slice(rehearsed.length)]
  const kept = datasets.map((dataset, at) => unseenRows(dataset, [...avoided, ...datasets.slice(0, at)]))
  const chosen = <T extends 'int32' | 'float32'>(of: (part: HeldOut) => Tensor<T>): Tensor<T> =>
    concatenateRows(parts.map((part, at) => takeRows(of(part), itemAt(kept, at, 'kept rows'))))
  const both: HeldOut = {
    dataset: concatenate(datasets.map((dataset, at) => subset(dataset, itemAt(kept, at, 'kept rows')))),
    uses: jointUse(
      parts,
      kept,
      datasets,
      chosen(({ uses }) => uses),
    ),
    predictions: chosen(({ predictions }) => predictions),
    logits: chosen(({ logits }) => logits),
  }
  const [first = new Int32Array(), second = new Int32Array()] = one ? kept : [new Int32Array(), ...kept]
  return { both, stayed: [first, second] }
}

/** Held-out activations of both, without rows that are rehearsed, or held out as inputs, in one of the packs. */
function mergedAbove(a: Pack, b: Pack, others: readonly (Dataset | undefined)[]): Pack['activations'] {
  const own = b.activations && {
    ...b.activations,
    // The second pack's answers, where they are of a release that the first knows.
    answers: a.history.map(({ model }) => {
      const at = b.history.findIndex((release) => release.model.sha256 === model.sha256)
      return b.activations?.answers[at] ?? predictionsOf(b.activations?.keys.dims[0] ?? 0, undefined)
    }),
  }
  const merged = mergedActivations(a.activations, own)
  const taken = new Set(others.flatMap((part) => (part ? keyWords(activationKeys(part)) : [])))
  const rows = merged ? keyWords(merged.keys).flatMap((word, row) => (taken.has(word) ? [] : [row])) : []
  return merged && rows.length > 0 ? someOf(merged, Int32Array.from(rows)) : undefined
}

/** A row that both packs have was used as often as in the one that used it most. */
function jointUse(
  parts: readonly HeldOut[],
  kept: readonly Int32Array[],
  datasets: readonly Dataset[],
  uses: HeldOut['uses'],
): HeldOut['uses'] {
  const [one, other] = datasets
  const [first] = kept
  if (!one || !other || !first) return uses
  const places = new Map(rowHashes(subset(one, first)).map((hash, row) => [hash, row]))
  for (const [row, hash] of rowHashes(other).entries()) {
    const place = places.get(hash)
    const beside = parts[1]
    if (place === undefined || !beside) continue
    uses.data[place] = Math.max(itemAt(uses.data, place, 'row'), itemAt(beside.uses.data, row, 'row'))
  }
  return uses
}

/** A release of the first pack, with what the second knows of the same model's answers. */
function mergedRelease(
  release: Release,
  others: readonly Release[],
  heldOut: MergedHeldOut | undefined,
): Release {
  if (!heldOut) return release
  const [first, second] = heldOut.stayed
  const same = others.find(({ model }) => model.sha256 === release.model.sha256)
  const rows = (from: Release | undefined, kept: Int32Array) =>
    predictionsOf(kept.length, from && kept.map((row) => from.predictions.data[row] ?? -1))
  return { ...release, predictions: concatenateRows([rows(release, first), rows(same, second)]) }
}

/** The mean over all rows; of one pack alone it would say nothing of the other's data. */
function mergedFisher({ fisher: a }: Pack, { fisher: b }: Pack): Pack['fisher'] {
  if (!a || !b) return undefined
  const rows = a.rows + b.rows
  const diagonal = new Map(
    [...a.diagonal].map(([name, { dims, data }]) => {
      const other = required(b.diagonal, name, 'importance of').data
      return [
        name,
        float32(
          dims,
          data.map((value, at) => (value * a.rows + (other[at] ?? 0) * b.rows) / rows),
        ),
      ]
    }),
  )
  return { rows, diagonal }
}

function mergedBudget(a: PackBudget, b: PackBudget, exemplars: Dataset | undefined): PackBudget {
  if (a.rows !== undefined && b.rows !== undefined) return { ...a, rows: a.rows + b.rows }
  if (a.perClass !== undefined && b.perClass !== undefined) {
    return { ...a, perClass: a.perClass + b.perClass }
  }
  return { rows: exemplars ? samples(exemplars) : 0, choose: a.choose }
}
