import { classLabels, type Dataset, type Preprocessing, samples, subset } from '../../data/dataset.ts'
import { fingerprint } from '../../data/fingerprint.ts'
import { alignLabels, preview } from '../../data/names/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError } from '../../errors.ts'
import { headCut, modelAbove } from '../../evaluate/cuts/index.ts'
import { bodyHash, featureDataset } from '../../evaluate/features.ts'
import { openJudge } from '../../evaluate/judge.ts'
import { fisherDiagonal } from '../../methods/fisher/index.ts'
import { findHead } from '../../model/heads/index.ts'
import { type Model, parameterCount } from '../../model/model.ts'
import { present } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { checkKind, checkRows } from '../check-rows.ts'
import { predicted } from '../path/index.ts'
import { rolesOf } from '../row-roles.ts'
import { heldOutRows } from './held-out-rows.ts'
import { byClass, chooseForPack, quotas } from './keep-choose.ts'
import {
  type Answered,
  type HeldOut,
  type ModelIdentity,
  type Pack,
  type PackBudget,
  packVersion,
} from './pack.ts'
import { countedTraffic, givenTraffic } from './traffic.ts'

export interface KeepOptions {
  readonly engine: Engine
  readonly model: Model
  readonly identity: ModelIdentity
  /** What the model was trained on. Its classes are matched with the model's by name. */
  readonly train: Dataset
  /** What the columns are called that the rows were read from, where they have names: `columns` of what `readDataset` gives. */
  readonly columns?: readonly string[] | undefined
  /** Rows that the model was not trained on; without them no update can measure what it costs. */
  readonly heldOut?: Dataset | undefined
  /** Default 200 rows in all, chosen by herding. */
  readonly budget?: PackBudget | undefined
  /** Each class's share of the traffic, by name, in any unit; default counted, over all rows that are given. */
  readonly traffic?: ReadonlyMap<string, number> | undefined
  /** Held-out rows at most; default 2000. */
  readonly heldOutRows?: number | undefined
  /** Stores features in place of inputs. Default false. */
  readonly private?: boolean | undefined
  /** Default: for models of up to 1,000,000 parameters, as it is as large as these and costs a pass backward for each class. */
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
export const keepDefaults = { rows: 200, choose: 'herding', heldOutRows: 2000 } as const
const { rows, choose } = keepDefaults
const defaultBudget: PackBudget = { rows, choose }
const FISHER_PARAMETERS = 1_000_000

/**
 * Makes the retention pack of a model: exemplars of its data with the model's own answers for them, held-out rows with its
 * predictions, and its Fisher diagonal. With it the model can be updated, and the update measured, when the data are gone.
 *
 * @throws ModelError `labels-missing`, `head-missing`, `features-raw`, `logits-not-finite`; DataError `keep-classes` for
 * classes that the model does not know, `classes-numbered`, `data-dims`, `data-not-finite`; UsageError `keep-budget`,
 * `update-kind`, `traffic-classes`, `traffic-share`.
 * @example
 * const { pack } = await keepModel({ engine, model, identity: { name: 'model.onnx', sha256 }, train, heldOut: test })
 * await writePack('model.keep', pack)
 */
export async function keepModel(options: KeepOptions): Promise<Kept> {
  const { engine, model, identity, budget = defaultBudget, seed = 0, private: hides = false } = options
  const train = underModel(options.train, options)
  const available = new Map([...byClass(classLabels(train))].map(([label, rows]) => [label, rows.length]))
  const quota = quotas(available, budget)
  const random = randomStream(seed, 'keep/exemplars')
  const chosen = subset(
    train,
    await chooseForPack({ engine, model, dataset: train, choose: budget.choose, quota, random }),
  )
  const measured = options.heldOut && underModel(options.heldOut, options)
  const traffic = options.traffic
    ? givenTraffic(options.traffic, model.classes, 'The traffic')
    : countedTraffic([train, measured], model.classes.length)
  const { heldOutRows: most } = options
  const held = measured && heldOutRows(measured, [chosen], { heldOutRows: most, seed, traffic })
  const stored = (dataset: Dataset) => (hides ? featureDataset(engine, model, dataset) : dataset)
  const exemplars = await stored(chosen)
  const reader = hides ? modelAbove(model, headCut(model)) : model
  const heldOut = held && {
    // What a row says tells its part, so before it becomes features.
    ...unused(rolesOf(held), 0),
    ...(await answered(engine, reader, await stored(held))),
  }
  const created = options.created ?? new Date().toISOString()
  const none: Tensor<'int32'> = { type: 'int32', dims: [0], data: new Int32Array() }
  const pack: Pack = {
    version: packVersion,
    created,
    model: identity,
    classes: model.classes,
    traffic,
    preprocessing: train.preprocessing,
    columns: options.columns,
    private: hides,
    features: hides
      ? { value: present(findHead(model), 'the head of the model').features, body: bodyHash(model) }
      : undefined,
    exemplars,
    logits: (await answered(engine, reader, exemplars)).logits,
    fisher: await fisherOf(options, reader, train, stored),
    heldOut,
    data: [identityOf(train)],
    versions: options.versions ?? {},
    budget,
    history: [
      { model: identity, created, classes: model.classes.length, predictions: heldOut?.predictions ?? none },
    ],
  }
  return { pack, notes: notesOn(pack, options) }
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
    unnamed: model.unnamed,
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

/**
 * What a model answers for rows.
 *
 * @throws ModelError `logits-not-finite` naming the row.
 */
export async function answered(engine: Engine, model: Model, dataset: Dataset): Promise<Answered> {
  const width = model.classes.length
  const judge = openJudge(engine, model, width)
  const answers = await judge.answers(dataset).finally(() => judge.dispose())
  const { logits } = answers
  const at = logits.data.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) {
    throw new ModelError(
      'logits-not-finite',
      `The model's answers for row ${Math.floor(at / width)} of ${dataset.name} are not all finite numbers, so they cannot be kept.`,
    )
  }
  const predictions = predicted(answers, width, 0)
  return { dataset, logits, predictions: { type: 'int32', dims: [predictions.length], data: predictions } }
}

/** Parts of rows, and how many releases have used them. */
export const unused = (roles: Uint8Array, uses: number): Pick<HeldOut, 'roles' | 'uses'> => ({
  roles: { type: 'uint8', dims: [roles.length], data: roles },
  uses: { type: 'int32', dims: [roles.length], data: new Int32Array(roles.length).fill(uses) },
})

export const identityOf = (dataset: Dataset): Pack['data'][number] => ({
  name: dataset.name,
  fingerprint: fingerprint(dataset),
  rows: samples(dataset),
  synthetic: dataset.synthetic,
})

/** Rows that the Fisher is averaged over: a thousand, and fewer where many classes make each dear. */
const fisherRows = (classes: number): number => Math.min(1000, Math.max(100, Math.floor(20_000 / classes)))

async function fisherOf(
  { engine, fisher, seed = 0 }: KeepOptions,
  reader: Model,
  train: Dataset,
  stored: (dataset: Dataset) => Dataset | Promise<Dataset>,
): Promise<Pack['fisher']> {
  if (!(fisher ?? parameterCount(reader) <= FISHER_PARAMETERS)) return undefined
  const count = Math.min(samples(train), fisherRows(reader.classes.length))
  const rows = randomStream(seed, 'keep/fisher rows').choose(samples(train), count).sort()
  return fisherOn(engine, reader, await stored(subset(train, rows)), seed)
}

/** The Fisher on all rows of a data set. */
export async function fisherOn(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  seed: number,
): Promise<NonNullable<Pack['fisher']>> {
  const { diagonal, samples: rows } = await fisherDiagonal({
    engine,
    model,
    parameters: model.parameters,
    dataset,
    random: randomStream(seed, 'keep/fisher'),
  })
  return { rows, diagonal }
}

function notesOn({ heldOut, exemplars, classes }: Pack, { heldOut: given }: KeepOptions): string[] {
  const present = new Set(exemplars ? classLabels(exemplars) : [])
  const missing = classes.filter((_, label) => !present.has(label))
  return [
    ...(missing.length > 0
      ? [`The data have no rows of ${preview(missing)}: nothing of these classes is kept.`]
      : []),
    ...(heldOut
      ? []
      : [
          given
            ? 'Every held-out row is an exemplar, too, so that none is left to measure an update on.'
            : 'The data have no test or validation part: an update with this pack cannot measure what it costs.',
        ]),
  ]
}
