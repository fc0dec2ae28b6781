import { stat } from 'node:fs/promises'
import type { Dataset } from '../data/dataset.ts'
import { alignLabels } from '../data/names/index.ts'
import type { LoadedData } from '../data/parts.ts'
import { preprocessed } from '../data/reading.ts'
import { readingFor } from '../data/reading-files.ts'
import { inColumnsOf } from '../data/same-columns.ts'
import { ModelError, UsageError } from '../errors.ts'
import { featureDataset, headModel } from '../evaluate/features.ts'
import { widenHead } from '../model/heads/index.ts'
import { readBackOf } from '../model/import/index.ts'
import { type LoadedModel, loadModel } from '../model/import/index-files.ts'
import type { Model } from '../model/model.ts'
import { checkKind, checkRows, paddedTo } from './check-rows.ts'
import { readSource } from './model-data-files.ts'
import { identify, readPack } from './pack/index-files.ts'
import type { UpdateData } from './parts.ts'
import type { ClassFacts } from './preflight.ts'
import { beyondHead, packRows, withFeatures } from './update-pack.ts'
import {
  gatePart,
  longest,
  mapParts,
  newPart,
  oldPart,
  partsOf,
  underNoLabels,
  withKnownClasses,
} from './update-parts.ts'
import type { UpdateSources } from './update-sources.ts'
import type { UpdateOptions } from './update-types.ts'

/** Everything that an update needs, read and brought to the order of the model's classes. */
export interface LoadedUpdate extends LoadedModel {
  /** Whether the model came as a folder, and is to be written as one. */
  readonly folder: boolean
  readonly widened: Model
  /**
   * What trains, for `updateModel`: both models, what the file rounds weights to, and the pack's Fisher; with a private pack the heads
   * of the models alone, which read features.
   */
  readonly learner: Pick<UpdateOptions, 'model' | 'widened' | 'fisher' | 'stored'>
  /** Whether rows are features, as the pack is private. */
  readonly headOnly: boolean
  readonly classes: ClassFacts
  readonly data: UpdateData
  /**
   * What a gate on the old data evaluates: its test part, else its validation part, else all; a pack's held-out rows; the
   * same of the new data where nothing is old.
   */
  readonly gateData: Dataset
  readonly notes: readonly string[]
}

/**
 * Reads the model and the data of an update. Classes are matched by name; those that the model does not know are added
 * to its head, behind its own.
 *
 * @throws ModelError `labels-missing`, `head-missing`, `head-tied`; DataError `old-classes`, `data-dims`, `data-not-finite`,
 * `classes-numbered`; UsageError `update-kind`, `tokenizer-missing`, `update-sources` for both old data and a pack,
 * `pack-private` for statistics that follow the new data beside a private pack; what {@link packRows} and reading throw.
 * @example
 * const { learner, data } = await loadUpdate({ engine, model: 'model.onnx', fresh: 'new/', old: 'old/' })
 * const result = await updateModel({ engine, ...learner, data, budget: { maxDrop: 0.01 } })
 */
export async function loadUpdate(sources: UpdateSources): Promise<LoadedUpdate> {
  const { engine, seed = 0, numbersArePositions = false } = sources
  if (sources.old !== undefined && sources.keep !== undefined) {
    throw new UsageError('update-sources', 'Old data and a pack both say what is old: give one of them.')
  }
  const loaded = await loadModel(sources.model, {
    ...(sources.output === undefined ? {} : { output: sources.output }),
    ...(sources.batchNorm ? { batchNorm: sources.batchNorm } : {}),
  })
  const { model } = loaded
  if (model.classes.length === 0) {
    throw new ModelError(
      'labels-missing',
      `${sources.model}: the file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.`,
    )
  }
  const reading = await readingFor({ path: loaded.file.path, input: model.input }, sources.reading)
  const read = async (source: string, unlabelled = false): Promise<LoadedData> => {
    const found = await inColumnsOf(old, (order) => {
      const featureOrder = order ?? reading.options.featureOrder
      return readSource(source, { ...reading.options, name: source, unlabelled, featureOrder })
    })
    return preprocessed(found, sources.preprocessing)
  }
  // What the model knows comes first: the columns of what is new to it follow its order.
  let old: LoadedData | undefined
  if (sources.old !== undefined) old = await read(sources.old)
  const fresh = await read(sources.fresh)
  const bare = sources.unlabelled === undefined ? undefined : await read(sources.unlabelled, true)
  for (const [place, parts] of [
    [sources.fresh, fresh],
    [sources.old, old],
    [sources.unlabelled, bare],
  ] as const) {
    for (const part of partsOf(parts)) checkRows(part, model, place ?? '')
    if (parts !== bare) for (const part of partsOf(parts)) checkKind(part, place ?? '')
  }
  const matching = { numbersArePositions, unnamed: model.unnamed }
  const aligned = alignLabels(fresh.train, model.classes, matching)
  const { classes: all, added } = aligned
  const pack = sources.keep === undefined ? undefined : await readPack(sources.keep)
  const headOnly = pack?.private ?? false
  const place = sources.keep ?? ''
  if (headOnly && sources.batchNorm === 'train') {
    throw beyondHead(place, '--batchnorm train changes statistics below it')
  }
  const { preprocessing } = fresh.train
  const kept =
    pack && packRows(pack, { model, identity: identify(loaded), place, classes: all, preprocessing })
  // Features are of one width however many tokens there were.
  const ownPack = headOnly ? [] : [kept?.exemplars, kept?.heldOut].flatMap((part) => part ?? [])
  const length = longest([...[fresh, old, bare].flatMap(partsOf), ...ownPack])
  const padded = (part: Dataset | undefined) => part && paddedTo(part, length)
  // By the rules that data and model are matched by, and then behind the classes that all parts add.
  const underModel = (part: Dataset): Dataset => alignLabels(part, model.classes, matching).dataset
  const under = (parts: LoadedData): LoadedData =>
    mapParts(parts, (part) => paddedTo(alignLabels(underModel(part), all).dataset, length))
  const freshParts = under(fresh)
  const oldParts = old && under(withKnownClasses(old, model, sources, numbersArePositions))
  const [newRows, newNotes] = newPart(freshParts, sources.fresh)
  const [oldRows, oldNotes] = oldParts
    ? oldPart(oldParts, sources, seed)
    : [
        {
          exemplars: padded(kept?.exemplars),
          oldHeldOut: padded(kept?.oldHeldOut),
          oldCheck: padded(kept?.oldCheck),
          traffic: kept?.traffic,
          first: kept?.first,
          uses: kept?.uses,
        },
        [],
      ]
  const widened = added.length > 0 ? widenHead(model, { classes: added, seed }) : model
  const rows: UpdateData = {
    ...newRows,
    ...oldRows,
    unlabelled: bare && paddedTo(underNoLabels(bare, all), length),
  }
  const measured = oldParts ? gatePart(oldParts) : padded(kept?.heldOut)
  const gateData = measured ?? gatePart(freshParts)
  return {
    ...loaded,
    folder: (await stat(sources.model)).isDirectory(),
    widened,
    learner: {
      ...(headOnly ? { model: headModel(model), widened: headModel(widened) } : { model, widened }),
      stored: readBackOf(
        loaded.file.model,
        [...model.parameters.keys(), ...model.buffers.keys()],
        loaded.file.externalData,
      ),
      ...given(kept?.fisher),
    },
    headOnly,
    classes: {
      known: model.classes,
      kept: model.classes.filter((name) => !aligned.missing.includes(name)),
      added,
      nearMisses: aligned.nearMisses,
    },
    data: headOnly ? await withFeatures(engine, model, rows) : rows,
    gateData: headOnly && !measured ? await featureDataset(engine, model, gateData) : gateData,
    notes: [
      ...loaded.notes,
      ...aligned.notes,
      ...reading.notes,
      ...[fresh, old, bare].flatMap((parts) => parts?.notes ?? []),
      ...newNotes,
      ...oldNotes,
      ...(kept?.notes ?? []),
    ],
  }
}

export const given = (fisher: UpdateOptions['fisher']) => (fisher ? { fisher } : {})
