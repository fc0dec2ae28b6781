import { count } from '../count.ts'
import { type Dataset, type Preprocessing, samples } from '../data/dataset.ts'
import { alignLabels, placesOf, preview } from '../data/names/index.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import { headCut, modelAbove } from '../evaluate/cuts/index.ts'
import { bodyHash, featureDataset } from '../evaluate/features.ts'
import type { FeatureSums } from '../evaluate/sums.ts'
import type { LoraOptions, Selection } from '../model/adapters/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkRows } from './check-rows.ts'
import {
  activationKeys,
  type HeldActivations,
  keyWords,
  type ModelIdentity,
  type Pack,
  type PackSums,
  sumsFor,
  trafficShares,
  trunkHash,
  usesOf,
} from './pack/index.ts'
import type { UpdateData } from './parts.ts'
import type { ActivationRows } from './proof-rows.ts'

/** What a pack is to be used with. */
export interface PackUse {
  readonly model: Model
  readonly identity: ModelIdentity
  /** What messages call the pack. */
  readonly place: string
  /** Of the updated model. */
  readonly classes: readonly string[]
  /** Of the new data, which the pack's rows will stand beside. */
  readonly preprocessing: Preprocessing
}

/** What an update takes from a pack. */
export interface PackRows {
  readonly exemplars: Dataset | undefined
  /** All held-out rows, in the order of the pack. */
  readonly heldOut: Dataset | undefined
  /** Held out beside them, as activations; undefined where there are none, or of other layers than the model's. */
  readonly activations: ActivationRows | undefined
  readonly traffic: UpdateData['traffic']
  readonly first: UpdateData['first']
  readonly uses: UpdateData['uses']
  /** The pack's Fisher diagonal, where it is that of this model. */
  readonly fisher: ReadonlyMap<string, Tensor<'float32'>> | undefined
  /** The pack's sums of features; undefined where it has none. */
  readonly sums: PackedSums | undefined
  readonly notes: readonly string[]
}

/** Sums of the features of all old rows. */
export interface PackedSums {
  /** The random features that were summed: `expandHead(model, { width, seed })` has them. */
  readonly expansion: PackSums['expansion']
  /** Those that the head of a model reads, under the classes of the updated model; undefined where they are of other features. */
  readonly of: (model: Model) => FeatureSums | undefined
}

/**
 * A retention pack's rows as an update's old data, under the classes of the updated model. Those of a private pack are
 * features, for the model's head.
 *
 * @throws UsageError `pack-model` when the pack is of a model with classes that this one does not know, `pack-mismatch` when
 * it is private and its features are of another body than the model's, `pack-preprocessing` when its rows become inputs in
 * another way; DataError `data-dims`.
 */
export function packRows(pack: Pack, use: PackUse): PackRows {
  const { model, identity, place, classes, preprocessing } = use
  const strange = pack.classes.filter((name) => !model.classes.includes(name))
  if (strange.length > 0) {
    throw new UsageError(
      'pack-model',
      `${place}: the pack is of ${pack.model.name}, which knows ${preview(strange)}, but this model knows only ${preview(model.classes)}. Give the pack that was made of this model.`,
    )
  }
  if (!sameNormalisation(pack.preprocessing, preprocessing)) {
    throw new UsageError(
      'pack-preprocessing',
      `${place}: the pack's rows become inputs by ${JSON.stringify(pack.preprocessing)}, the new data's by ${JSON.stringify(preprocessing)}. Read the new data as the pack's were (--preprocessing, or holdfast.json beside the model).`,
    )
  }
  if (pack.features && pack.features.body !== bodyHash(model)) {
    throw new UsageError(
      'pack-mismatch',
      `${place}: the pack is private: it holds features that ${pack.model.name} made, and ${identity.name} has other weights below its head, to which they say nothing. Give the pack that was made of this model.`,
    )
  }
  const reader = pack.private ? modelAbove(model, headCut(model)) : model
  const under = (dataset: Dataset | undefined): Dataset | undefined => {
    if (!dataset) return undefined
    checkRows(dataset, reader, place)
    return { ...alignLabels(dataset, classes).dataset, ...(pack.private ? {} : { preprocessing }) }
  }
  const own = pack.model.sha256 === identity.sha256
  const activations = activationRows(pack, use, own)
  return {
    exemplars: under(pack.exemplars),
    ...heldOutParts(pack, under(pack.heldOut?.dataset), classes, own),
    activations,
    traffic: trafficShares(pack.traffic, pack.classes, classes),
    fisher: own ? pack.fisher?.diagonal : undefined,
    sums: pack.sums && packedSums(pack.sums, pack.classes, classes),
    notes: [
      ...(own ? [] : [otherModel(pack, use)]),
      ...(pack.activations && !activations ? [otherLayers(pack.activations, use)] : []),
      ...(pack.traffic || !pack.heldOut ? [] : [noTraffic(place)]),
      ...(pack.private ? [onlyHead(pack, place)] : []),
    ],
  }
}

const packedSums = (sums: PackSums, own: readonly string[], classes: readonly string[]): PackedSums => ({
  expansion: sums.expansion,
  of: (model) => sumsFor(sums, model, own, classes),
})

/** The pack's held-out rows, with what the first release answered for them. */
function heldOutParts(
  { heldOut, activations, history, classes }: Pack,
  rows: Dataset | undefined,
  wanted: readonly string[],
  own: boolean,
): Pick<PackRows, 'heldOut' | 'first' | 'uses'> {
  if (!(heldOut && rows) && !activations) return { heldOut: undefined, first: undefined, uses: undefined }
  const [first] = history
  return {
    heldOut: rows,
    // The first release is the model itself until there is another; that of another model's pack is of another line.
    first:
      own && first && history.length > 1
        ? {
            name: first.model.name,
            answers: unitsIn(first.predictions.data, classes, wanted),
          }
        : undefined,
    uses: heldOut && usesOf(heldOut.uses.data),
  }
}

/** Answers under another list of classes. */
function unitsIn(answers: Int32Array, classes: readonly string[], wanted: readonly string[]): Int32Array {
  const units = placesOf(classes, wanted)
  return answers.map((unit) => (unit < 0 ? -1 : itemAt(units, unit, 'class')))
}

/** A pack's held-out activations, where they are of the model's own layers. */
function activationRows(
  { activations: held, classes, history }: Pack,
  { model, classes: wanted }: PackUse,
  own: boolean,
): ActivationRows | undefined {
  if (!held || trunkHash(model, held.cut) !== held.trunk) return undefined
  const known = new Set(keyWords(held.keys))
  const [first] = held.answers
  return {
    cut: held.cut,
    rows: alignLabels(held.dataset, wanted).dataset,
    first: own && first && history.length > 1 ? unitsIn(first.data, classes, wanted) : undefined,
    uses: usesOf(held.uses.data),
    inCommon: (dataset) => keyWords(activationKeys(dataset)).filter((word) => known.has(word)).length,
  }
}

const onlyHead = ({ exemplars, heldOut }: Pack, place: string): string =>
  exemplars || heldOut
    ? `${place} is private: it holds features, not inputs, so that only the head trains on them.`
    : `${place} holds sums of features and no row: the head is worked out from them, and nothing else changes.`

const otherLayers = ({ cut, dataset }: HeldActivations, { identity, place }: PackUse): string =>
  `${place} has ${count(samples(dataset), 'held-out row')} as activations at "${cut.values[0]}", but what lies below that in ${identity.name} is not what they were made by: they are not used.`

const noTraffic = (place: string): string =>
  `${place} does not say how often each class comes where the model is used: every held-out row counts the same, and they are about as many of each class. A pack that is made today says it (holdfast keep).`

const otherModel = ({ model }: Pack, { identity, place }: PackUse): string =>
  `${place} was made of another model: ${model.name} (SHA-256 ${model.sha256.slice(0, 12)}…), not ${identity.name} (${identity.sha256.slice(0, 12)}…). Its rows are used, its Fisher and its baseline are not: the drop is counted from this model's answers.`

/** Equal in every field, whatever their order. */
const sameNormalisation = (a: Preprocessing, b: Preprocessing): boolean =>
  (['scale', 'mean', 'std', 'channelAxis', 'pad'] as const).every(
    (key) => JSON.stringify(a[key]) === JSON.stringify(b[key]),
  )

/**
 * Rows as the features that the model's head reads: new ones beside a private pack's rows, which are features already, and old ones that
 * are given beside its sums.
 */
export async function withFeatures(
  engine: Engine,
  model: Model,
  data: UpdateData,
  { old }: { readonly old: boolean },
): Promise<UpdateData> {
  const features = async (dataset: Dataset | undefined) =>
    dataset && (await featureDataset(engine, model, dataset))
  const ofOld = old
    ? {
        exemplars: await features(data.exemplars),
        oldHeldOut: await features(data.oldHeldOut),
        oldOrder: await features(data.oldOrder),
      }
    : {}
  return {
    ...data,
    ...ofOld,
    train: await featureDataset(engine, model, data.train),
    heldOut: await featureDataset(engine, model, data.heldOut),
    check: await features(data.check),
    unlabelled: await features(data.unlabelled),
  }
}

/**
 * What trains beside a private pack: the head, and nothing else.
 *
 * @throws UsageError `pack-private` where something else is asked for.
 */
export function headSelection(
  place: string,
  { select, lora }: { readonly select?: Selection | undefined; readonly lora?: LoraOptions | undefined },
): Selection {
  if (lora) throw beyondHead(place, '--lora trains layers below it')
  if (select && select.kind !== 'all' && select.kind !== 'head') {
    throw beyondHead(place, '--train asks for other layers')
  }
  return { kind: 'head' }
}

/** The refusal of what a private pack does not go with. */
export const beyondHead = (place: string, asked: string): UsageError =>
  new UsageError(
    'pack-private',
    `${place}: the pack is private: it holds features and no inputs, so that only the head can train, but ${asked}. Leave that out, or make a pack with inputs (holdfast keep without --private), or give the old data (--old).`,
  )
