import { classLabels, concatenate, type Dataset, samples, subset } from '../../data/dataset.ts'
import { alignLabels, placesOf, preview } from '../../data/names/index.ts'
import { datasetInMemory } from '../../data/spilled-rows.ts'
import { UsageError } from '../../errors.ts'
import { headCut, modelAbove } from '../../evaluate/cuts/index.ts'
import { bodyHash, featureDataset, featureVectors } from '../../evaluate/features.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import { paddedTo } from '../check-rows.ts'
import { answered, predictionsOf, usedBy } from './answered.ts'
import { extendedActivations } from './extended-activations.ts'
import { notAmong } from './held-activations.ts'
import { type HeldOutChoice, heldOutRows } from './held-out-rows.ts'
import { identityOf, type KeepOptions, type Kept, underModel } from './keep.ts'
import { byClass, chooseForPack, quotas } from './keep-choose.ts'
import { fisherOn } from './keep-fisher.ts'
import { inVain, partWanted } from './keep-notes.ts'
import { extendedSums, fewRows } from './keep-sums.ts'
import { refuseActivations, restHeldOut } from './new-activations.ts'
import { type HeldOut, isSumsOnly, type Pack, packVersion, type Release, unseenRows } from './pack.ts'
import { isAmong } from './same-data.ts'
import { extendedTraffic, givenTraffic } from './traffic.ts'

/** `model` is the updated one, `train` and `heldOut` what it learned; the rest is as the pack has it. */
export interface ExtendOptions
  extends Omit<KeepOptions, 'train' | 'private' | 'fisher' | 'sumsOnly' | 'expandHead'> {
  readonly train: Dataset
  readonly pack: Pack
}

/**
 * The pack of an updated model: the old pack's rows and exemplars of the new data beside them, inside the budget (by default
 * the old one), with what the updated model answers for all of them. The earlier releases' predictions stay; those of the
 * first are the golden baseline.
 *
 * Where a class has old and new rows, data set n gets one n-th of its exemplars, so that all have as many in the end. Data that the pack
 * was made of already count no second time.
 *
 * @throws UsageError `pack-mismatch` when the model does not know the pack's classes, the data are prepared otherwise, or
 * a private pack's features are of another body than the model's; and what {@link keepModel} throws.
 * @example
 * const { pack: next } = await extendPack({ engine, pack, model: better, identity, train: newData })
 */
export async function extendPack(options: ExtendOptions): Promise<Kept> {
  const { engine, pack, model, identity, seed = 0 } = options
  if (pack.private) refuseActivations(options)
  const budget = options.budget ?? pack.budget
  const given = underModel(options.train, options)
  refuseMismatch(pack, model, given, identity.name)
  const reader = pack.private ? modelAbove(model, headCut(model)) : model
  const stored = (dataset: Dataset) => (pack.private ? featureDataset(engine, model, dataset) : dataset)
  const oldExemplars = pack.exemplars && renamed(pack.exemplars, model)
  const oldHeld = pack.heldOut && renamed(pack.heldOut.dataset, model)
  const candidates = notAmong(await unseenOf(given, [oldExemplars, oldHeld], stored), pack.activations)
  const joined = identityOf(given)
  const known = isAmong(joined, pack)
  const data = known ? pack.data : [...pack.data, joined]
  const { choose } = budget
  const needed = samples(candidates) > 0 && (pack.sums || choose === 'herding')
  const features = needed ? await featureVectors(engine, model, candidates) : undefined
  const summed = await extendedSums({
    ...{ engine, pack, model, fresh: candidates, features, known, exemplars: oldExemplars },
  })
  const bare = isSumsOnly(pack)
  const chosen = async () => {
    const sets = { old: pack.data.length, all: data.length }
    const { old, fresh: quota } = divided(oldExemplars, candidates, { budget, sets })
    const random = randomStream(seed, `keep/exemplars ${pack.data.length}`)
    const rows = await chooseForPack({ engine, model, dataset: candidates, features, choose, quota, random })
    const joining = datasetInMemory(await stored(subset(candidates, rows)))
    return inOrder([...(oldExemplars ? [firstOf(oldExemplars, old)] : []), joining])
  }
  const exemplars = bare ? undefined : await chosen()
  const measured = options.heldOut && underModel(options.heldOut, options)
  const traffic = options.traffic
    ? givenTraffic(options.traffic, model.classes, 'The traffic')
    : extendedTraffic(pack.traffic, pack.classes, model.classes, known ? [] : [given, measured])
  const open = bare || !measured ? undefined : notAmong(measured, pack.activations)
  const newHeld = open && (await freshHeldOut(open, [oldHeld, exemplars], { ...options, traffic }, stored))
  const joining = newHeld && datasetInMemory(await stored(newHeld))
  const held = [oldHeld, joining].filter((part) => part !== undefined)
  const heldOut =
    held.length === 0
      ? undefined
      : {
          uses: usedAgain(pack.heldOut, newHeld),
          ...(await answered(engine, reader, concatenate(alike(held)))),
        }
  const rest = open && restHeldOut(open, [oldHeld, exemplars, newHeld], { ...options, traffic })
  const above = await extendedActivations(options, pack, rest)
  const created = options.created ?? new Date().toISOString()
  const count = heldOut ? samples(heldOut.dataset) : 0
  const release: Release = {
    model: identity,
    created,
    classes: model.classes.length,
    predictions: heldOut?.predictions ?? predictionsOf(count, undefined),
  }
  const next: Pack = {
    ...pack,
    version: packVersion,
    created,
    model: identity,
    classes: model.classes,
    traffic,
    columns: pack.columns ?? options.columns,
    exemplars,
    logits: exemplars && (await answered(engine, reader, exemplars)).logits,
    fisher: pack.fisher && exemplars && (await fisherOn(engine, reader, exemplars, seed)),
    sums: summed.sums,
    heldOut,
    activations: above.activations,
    data,
    versions: options.versions ?? pack.versions,
    budget,
    history: [...pack.history.map((earlier) => carried(earlier, pack, model, count)), release],
  }
  const notes = [
    ...summed.notes,
    ...above.notes,
    ...(newHeld || bare ? [] : noHeldOut(options)),
    ...trafficNotes(pack, model, options),
    ...(pack.private ? fewRows(next) : []),
  ]
  return { pack: next, notes }
}

/** Shares that were given say nothing of classes that have come since. */
function trafficNotes({ traffic, classes }: Pack, model: Model, options: ExtendOptions): string[] {
  const added = model.classes.filter((name) => !classes.includes(name))
  if (traffic?.source !== 'given' || options.traffic || added.length === 0) return []
  return [
    `The shares of the traffic were given when the pack was made, and say nothing of ${preview(added)}: these count for nothing as deployed. Give them anew (--traffic).`,
  ]
}

/** Nothing where none was asked for. */
function noHeldOut({ heldOut, heldOutRows: most, heldOutActivations }: ExtendOptions): string[] {
  if (most === 0) return []
  const alone = 'the pack measures the old classes and rows alone.'
  return [
    heldOut
      ? `All held-out rows of the new data are in the pack already, so that ${alone}`
      : `The new data have no test or validation part${inVain(most, heldOutActivations)}: ${alone} ${partWanted}`,
  ]
}

function refuseMismatch(pack: Pack, model: Model, data: Dataset, name: string): void {
  const lost = pack.classes.filter((label) => !model.classes.includes(label))
  if (lost.length > 0) {
    throw new UsageError(
      'pack-mismatch',
      `${name} does not know ${lost.slice(0, 8).join(', ')}, of which the pack has rows. It was expected to be an update of ${pack.model.name}.`,
    )
  }
  const [was, is] = [pack.preprocessing, data.preprocessing].map((each) => JSON.stringify(each))
  if (was !== is) {
    throw new UsageError(
      'pack-mismatch',
      `${data.name} is prepared as ${is}, but the pack's data as ${was}: give the data as they were given then (--preprocessing).`,
    )
  }
  if (pack.features && pack.features.body !== bodyHash(model)) {
    throw new UsageError(
      'pack-mismatch',
      `The pack is private: it holds features that ${pack.model.name} made, and ${name} has other weights below its head, so that they are worth nothing to it. Train the head alone (--train head), or make the pack anew.`,
    )
  }
}

/** Under the model's classes: their names say which is which. */
const renamed = (dataset: Dataset, { classes }: Model): Dataset => alignLabels(dataset, classes).dataset

/** What of new data the pack does not have; told by what it stores, so by features where it is private. */
async function unseenOf(
  dataset: Dataset,
  others: readonly (Dataset | undefined)[],
  stored: (dataset: Dataset) => Dataset | Promise<Dataset>,
): Promise<Dataset> {
  const [own, ...rest] = alike([await stored(dataset), ...others.filter((other) => other !== undefined)])
  return own ? subset(dataset, unseenRows(own, rest)) : dataset
}

async function freshHeldOut(
  dataset: Dataset,
  others: readonly (Dataset | undefined)[],
  options: HeldOutChoice,
  stored: (dataset: Dataset) => Dataset | Promise<Dataset>,
): Promise<Dataset | undefined> {
  const { heldOutRows: most, seed, traffic } = options
  return heldOutRows(await unseenOf(dataset, others, stored), [], { heldOutRows: most, seed, traffic })
}

/** One use more of each row that this release was proved on; those that join have proved none. */
function usedAgain(old: HeldOut | undefined, fresh: Dataset | undefined): HeldOut['uses'] {
  const before = old ? old.uses.data : new Int32Array()
  const uses = usedBy(before.length + (fresh ? samples(fresh) : 0), 0)
  for (const [row, count] of before.entries()) uses.data[row] = count + 1
  return uses
}

/** How many rows of each class come from the old exemplars, and how many from the new data. */
function divided(
  old: Dataset | undefined,
  fresh: Dataset,
  { budget, sets }: Pick<Pack, 'budget'> & { readonly sets: { readonly old: number; readonly all: number } },
): { readonly old: Map<number, number>; readonly fresh: Map<number, number> } {
  const counts = (dataset: Dataset | undefined) =>
    new Map(
      [...byClass(dataset ? classLabels(dataset) : new Int32Array())].map(([label, rows]) => [
        label,
        rows.length,
      ]),
    )
  const [had, has] = [counts(old), counts(fresh)]
  const all = new Map(
    [...new Set([...had.keys(), ...has.keys()])].map((label) => [
      label,
      (had.get(label) ?? 0) + (has.get(label) ?? 0),
    ]),
  )
  const parts = [...quotas(all, budget)].map(([label, quota]) => {
    const [most, least] = [had.get(label) ?? 0, quota - (has.get(label) ?? 0)]
    const share = Math.ceil((quota * sets.old) / sets.all)
    return [label, Math.max(least, Math.min(most, share)), quota] as const
  })
  return {
    old: new Map(parts.map(([label, kept]) => [label, kept])),
    fresh: new Map(parts.map(([label, kept, quota]) => [label, quota - kept])),
  }
}

/** The first rows of each class: they are the best. */
function firstOf(dataset: Dataset, quota: ReadonlyMap<number, number>): Dataset {
  const rows = [...byClass(classLabels(dataset))].flatMap(([label, members]) =>
    members.slice(0, quota.get(label) ?? 0),
  )
  return subset(dataset, Int32Array.from(rows))
}

/**
 * Rows of several packs or data sets as a pack has them: classes ascending, and in each class by turns the best of each part,
 * so that a smaller pack keeps the beginning of each class.
 */
export function inOrder(parts: readonly Dataset[]): Dataset {
  const all = concatenate(alike(parts))
  const order = parts.flatMap((part, at) => {
    const before = parts.slice(0, at).reduce((sum, each) => sum + samples(each), 0)
    return [...byClass(classLabels(part))].flatMap(([label, rows]) =>
      rows.map((row, place) => ({ row: before + row, label, place })),
    )
  })
  order.sort((a, b) => a.label - b.label || a.place - b.place || a.row - b.row)
  return subset(
    all,
    Int32Array.from(order, ({ row }) => row),
  )
}

/** Data sets with rows of one length: token ids are filled up. */
export function alike(parts: readonly Dataset[]): Dataset[] {
  const length = Math.max(...parts.map(({ inputs }) => inputs.dims[1] ?? 0))
  return parts.map((part) => paddedTo(part, length))
}

/** A release's answers for a pack of more rows, under the classes of a model that may list them in another order. */
function carried(release: Release, { classes }: Pack, model: Model, count: number): Release {
  const units = placesOf(classes, model.classes)
  const data = release.predictions.data.map((unit) => units[unit] ?? -1)
  return { ...release, predictions: predictionsOf(count, data) }
}
