import { classLabels, type Dataset, type Preprocessing, samples } from '../../data/dataset.ts'
import { fingerprint } from '../../data/fingerprint.ts'
import { alignLabels, preview } from '../../data/names/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError } from '../../errors.ts'
import { headCut, modelAbove, type Place } from '../../evaluate/cuts/index.ts'
import { featureDataset, featureVectors, refuseRaw } from '../../evaluate/features.ts'
import { findHead } from '../../model/heads/index.ts'
import { type Model, namingOf } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { checkKind, checkRows } from '../check-rows.ts'
import { answered, usedBy } from './answered.ts'
import { heldOutRows } from './held-out-rows.ts'
import { byClass, chooseRows, logitsOf, quotas } from './keep-choose.ts'
import { fisherOn, rowsForFisher } from './keep-fisher.ts'
import { notesOn } from './keep-notes.ts'
import { sumsOfRows } from './keep-sums.ts'
import { cutFor, newActivations, refuseActivations, restHeldOut } from './new-activations.ts'
import { type ModelIdentity, type Pack, type PackBudget, packVersion } from './pack.ts'
import { placeOf } from './pack-sums.ts'
import { countedTraffic, givenTraffic, type Traffic } from './traffic.ts'
import {
  inBlocks,
  mapBlocks,
  pickRows,
  type RowBlocks,
  surveyRows,
  type TrainingRows,
} from './training-rows.ts'

export interface KeepOptions {
  readonly engine: Engine
  readonly model: Model
  readonly identity: ModelIdentity
  /** What the model was trained on, in memory or in blocks. Its classes are matched with the model's by name. */
  readonly train: Dataset | RowBlocks
  /** What the columns are called that the rows were read from, where they have names: `columns` of what `readDataset` gives. */
  readonly columns?: readonly string[] | undefined
  /** Rows that the model was not trained on; without them no update can measure what it costs. */
  readonly heldOut?: Dataset | undefined
  /** Default 1,000 rows in all, chosen by herding. */
  readonly budget?: PackBudget | undefined
  /** Each class's share of the traffic, by name, in any unit; default counted, over all rows that are given. */
  readonly traffic?: ReadonlyMap<string, number> | undefined
  /** Held-out rows at most; default 2000. */
  readonly heldOutRows?: number | undefined
  /** More held-out rows at most, as what the layers below a cut make of them: they prove what trains above it. Default none. */
  readonly heldOutActivations?: number | undefined
  /** Where they are taken: the name of a value of the model's graph. Default what the head reads. */
  readonly activationsAt?: string | undefined
  /** Stores features in place of inputs. Default false. */
  readonly private?: boolean | undefined
  /** Stores sums of features alone, and no row: nothing to rehearse, and nothing to measure on. Default false. */
  readonly sumsOnly?: boolean | undefined
  /** Sums so many random features beside the head's own, for an update that puts them before the head; default none. */
  readonly expandHead?: number | undefined
  /** Stores the Fisher, which is as large as the model, and costs a pass backward for each class. Default false. */
  readonly fisher?: boolean | undefined
  /** Whether numbers for labels are positions in the other side's list of names. Default false. */
  readonly numbersArePositions?: boolean | undefined
  /** Of what is drawn at random. Default 0. */
  readonly seed?: number | undefined
  /** ISO 8601; default now. */
  readonly created?: string | undefined
  /** Of Holdfast and what it runs on. */
  readonly versions?: Readonly<Record<string, string>> | undefined
}

/** A pack, and what should be known of how it was made. */
export interface Kept {
  readonly pack: Pack
  readonly notes: readonly string[]
}

/** What `keep` does where it is not told otherwise: exemplars in all and how they are chosen, held-out rows at most. */
export const keepDefaults = { rows: 1000, choose: 'herding', heldOutRows: 2000 } as const
const { rows, choose } = keepDefaults
const defaultBudget: PackBudget = { rows, choose }

/**
 * Makes the retention pack of a model: exemplars of its data with the model's own answers for them, held-out rows with its
 * predictions, sums of the features of all training rows, and if asked for its Fisher diagonal. With it the model can be updated, and the
 * update measured, when the data are gone.
 *
 * @throws ModelError `labels-missing`, `head-missing`, `features-raw`, `logits-not-finite`; DataError `keep-classes` for
 * classes that the model does not know, `classes-numbered`, `data-dims`, `data-not-finite`; UsageError `keep-budget`, `keep-cut`,
 * `keep-activations`, `head-width`, `update-kind`, `traffic-classes`, `traffic-share`.
 * @example
 * const { pack } = await keepModel({ engine, model, identity: { name: 'model.onnx', sha256 }, train, heldOut: test })
 * await writePack('model.keep', pack)
 */
export async function keepModel(options: KeepOptions): Promise<Kept> {
  const { engine, model, identity, budget = defaultBudget, seed = 0, sumsOnly = false } = options
  const hides = sumsOnly || (options.private ?? false)
  if (hides) refuseActivations(options)
  // Refused before time is spent, should there be no such place.
  if (!(hides || 'blocks' in options.train)) cutFor(model, options.train, options)
  const blocks =
    'blocks' in options.train
      ? mapBlocks(options.train, (block) => underModel(block, options))
      : inBlocks(underModel(options.train, options))
  const measured = options.heldOut && underModel(options.heldOut, options)
  const given = options.traffic ? givenTraffic(options.traffic, model.classes, 'The traffic') : undefined
  if (sumsOnly) refuseRaw(model)
  const herds = !sumsOnly && budget.choose === 'herding'
  const train = await surveyRows(blocks, {
    features: findHead(model) || herds ? (block: Dataset) => featureVectors(engine, model, block) : undefined,
    logits:
      !sumsOnly && budget.choose === 'hardest'
        ? (block: Dataset) => logitsOf(engine, model, block)
        : undefined,
  })
  const traffic =
    given ?? countedTraffic([train.labels, measured && classLabels(measured)], model.classes.length)
  const { sums, notes } = await sumsOfRows({
    ...{
      engine,
      model,
      labels: train.labels,
      features: train.features,
      expandHead: options.expandHead,
      seed,
    },
  })
  const stored = (dataset: Dataset) => (hides ? featureDataset(engine, model, dataset) : dataset)
  const reader = hides ? modelAbove(model, headCut(model)) : model
  const { picked, fingerprint } = await pickRows(blocks, train, [
    sumsOnly ? new Int32Array() : exemplarRows(train, { budget, seed }),
    options.fisher ? rowsForFisher(train.labels.length, reader.classes.length, seed) : new Int32Array(),
  ])
  const [exemplars, fisherRows] = [itemAt(picked, 0, 'exemplars'), itemAt(picked, 1, 'rows for the Fisher')]
  const cut = hides ? undefined : cutFor(model, train.none, options)
  const rows = sumsOnly
    ? undefined
    : await rowsOf({ ...options, heldOut: measured }, { chosen: exemplars, traffic, stored, reader, cut })
  const created = options.created ?? new Date().toISOString()
  const none: Tensor<'int32'> = { type: 'int32', dims: [0], data: new Int32Array() }
  const pack: Pack = {
    version: packVersion,
    created,
    model: identity,
    classes: model.classes,
    traffic,
    preprocessing: train.none.preprocessing,
    columns: options.columns,
    private: hides,
    features: hides ? placeOf(model) : undefined,
    exemplars: rows?.exemplars,
    logits: rows?.logits,
    fisher: options.fisher ? await fisherOn(engine, reader, await stored(fisherRows), seed) : undefined,
    sums,
    heldOut: rows?.heldOut,
    activations: rows?.activations,
    data: [{ ...identityOf(train.none), fingerprint, rows: train.labels.length }],
    versions: options.versions ?? {},
    budget: sumsOnly ? { ...budget, rows: 0, perClass: undefined } : budget,
    history: [
      {
        model: identity,
        created,
        classes: model.classes.length,
        predictions: rows?.heldOut?.predictions ?? none,
      },
    ],
  }
  return { pack, notes: [...notes, ...notesOn(pack, options, train.labels)] }
}

/** The training rows that become exemplars. */
function exemplarRows(
  { labels, features, logits }: TrainingRows,
  { budget, seed }: { readonly budget: PackBudget; readonly seed: number },
): Int32Array {
  const available = new Map([...byClass(labels)].map(([label, rows]) => [label, rows.length]))
  const random = randomStream(seed, 'keep/exemplars')
  const { choose } = budget
  return chooseRows({ labels, features, logits, choose, quota: quotas(available, budget), random })
}

/** Exemplars and held-out rows, and what the model answers for them. */
async function rowsOf(
  options: KeepOptions,
  {
    chosen,
    traffic,
    stored,
    reader,
    cut,
  }: {
    readonly chosen: Dataset
    readonly traffic: Traffic
    readonly stored: (dataset: Dataset) => Dataset | Promise<Dataset>
    readonly reader: Model
    readonly cut: Place | undefined
  },
): Promise<Pick<Pack, 'exemplars' | 'logits' | 'heldOut' | 'activations'>> {
  const { engine, model, heldOut, seed = 0, heldOutRows: most } = options
  const held = heldOut && heldOutRows(heldOut, [chosen], { heldOutRows: most, seed, traffic })
  const rest = heldOut && restHeldOut(heldOut, [chosen, held], { ...options, traffic })
  const exemplars = await stored(chosen)
  return {
    exemplars,
    logits: (await answered(engine, reader, exemplars)).logits,
    heldOut: held && {
      uses: usedBy(samples(held), 0),
      ...(await answered(engine, reader, await stored(held))),
    },
    activations: rest && cut && (await newActivations({ engine, model, cut }, rest)),
  }
}

/** The data under the model's classes, refused where the model could not read or name them. */
export function underModel(
  dataset: Dataset,
  {
    model,
    identity,
    numbersArePositions = false,
  }: Pick<KeepOptions, 'model' | 'identity' | 'numbersArePositions'>,
): Dataset {
  if (model.classes.length === 0) {
    throw new ModelError(
      'labels-missing',
      `${identity.name}: the file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.`,
    )
  }
  checkRows(dataset, model, dataset.name)
  checkKind(dataset, dataset.name)
  const { dataset: aligned, added } = alignLabels(dataset, model.classes, {
    numbersArePositions,
    ...namingOf(model),
  })
  if (added.length === 0) return { ...aligned, preprocessing: inOneOrder(aligned.preprocessing) }
  throw new DataError(
    'keep-classes',
    `${dataset.name}: the model does not know ${added.length === 1 ? 'the class' : 'the classes'} ${preview(added)}; it knows ${preview(model.classes)}. A pack keeps what a model knows: correct the names, or take these rows out.`,
  )
}

/** Preprocessing is compared as JSON, so its fields come as the file format has them. */
const inOneOrder = ({ scale, mean, std, channelAxis, pad }: Preprocessing): Preprocessing => ({
  scale,
  mean,
  std,
  ...(channelAxis === undefined ? {} : { channelAxis }),
  ...(pad === undefined ? {} : { pad }),
})

export const identityOf = (dataset: Dataset): Pack['data'][number] => ({
  name: dataset.name,
  fingerprint: fingerprint(dataset),
  rows: samples(dataset),
  synthetic: dataset.synthetic,
})
