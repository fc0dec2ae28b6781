import { stat } from 'node:fs/promises'
import type { Dataset } from '../data/dataset.ts'
import { type AlignOptions, alignLabels } from '../data/names/index.ts'
import type { LoadedData } from '../data/parts.ts'
import { headCut, modelAbove } from '../evaluate/cuts/index.ts'
import { featureDataset } from '../evaluate/features.ts'
import { expandHead, widenHead } from '../model/heads/index.ts'
import { readBackOf } from '../model/import/index.ts'
import type { LoadedModel } from '../model/import/index-files.ts'
import { type Model, namingOf } from '../model/model.ts'
import type { ModelFile } from '../onnx/files.ts'
import { present } from '../required.ts'
import { spanned } from '../spans.ts'
import { paddedTo } from './check-rows.ts'
import { givenTraffic, trafficShares } from './pack/index.ts'
import { identify } from './pack/index-files.ts'
import type { UpdateData } from './parts.ts'
import type { ClassFacts } from './preflight.ts'
import { type PackRows, packRows, withFeatures } from './update-pack.ts'
import {
  gatePart,
  longest,
  mapParts,
  newPart,
  oldPart,
  underNoLabels,
  withKnownClasses,
} from './update-parts.ts'
import { allParts, type ReadUpdate, readUpdate } from './update-reading-files.ts'
import type { UpdateSources } from './update-sources.ts'
import type { UpdateOptions } from './update-types.ts'

/** Everything that an update needs, read and brought to the order of the model's classes. */
export interface LoadedUpdate extends LoadedModel {
  /** Whether the model came as a folder, and is to be written as one. */
  readonly folder: boolean
  readonly widened: Model
  /**
   * What trains, for `updateModel`: both models, the one without random features before its head where these are asked for, what the file rounds weights to, and the pack's Fisher; with a private pack the heads
   * of the models alone, which read features.
   */
  readonly learner: Pick<UpdateOptions, 'model' | 'widened' | 'fisher' | 'stored' | 'plain' | 'updates'>
  /** The file as it was given: `file` may have room for updates beside layers of few bits. */
  readonly given: ModelFile
  /** Whether rows are features, as the pack is private. */
  readonly headOnly: boolean
  readonly classes: ClassFacts
  readonly data: UpdateData
  /**
   * What a gate on the old data evaluates: its test part, else its validation part, else all; a pack's held-out rows; the
   * same of the new data where nothing is old.
   */
  readonly gateData: Dataset
  /** Gives back the disk, where rows lie there that memory had no room for: they are to be read no more. Else it does nothing. */
  readonly close: () => void
  readonly notes: readonly string[]
}

/**
 * Reads the model and the data of an update. Classes are matched by name; those that the model does not know are added
 * to its head, behind its own.
 *
 * @param given The model, where it is loaded already.
 * @throws ModelError `labels-missing`, `head-missing`, `head-tied`; DataError `old-classes`, `data-dims`, `data-not-finite`,
 * `classes-numbered`, `columns-differ`; UsageError `update-kind`, `tokenizer-missing`, `update-sources` for both old data and a pack with rows,
 * `pack-private` for statistics that follow the new data beside a private pack; what {@link packRows} and reading throw.
 * @example
 * const { learner, data } = await loadUpdate({ engine, model: 'model.onnx', fresh: 'new/', old: 'old/' })
 * const result = await updateModel({ engine, ...learner, data, budget: { maxDrop: 0.01 } })
 */
export async function loadUpdate(sources: UpdateSources, given?: LoadedModel): Promise<LoadedUpdate> {
  return spanned('load', async () => {
    const read = await readUpdate(sources, given)
    try {
      return await updateOf(read, sources)
    } catch (error) {
      read.spill.close()
      throw error
    }
  })
}

async function updateOf(read: ReadUpdate, sources: UpdateSources): Promise<LoadedUpdate> {
  const { loaded, fresh, pack } = read
  const { model } = loaded
  const { engine, numbersArePositions = false, seed } = sources
  const matching = { numbersArePositions, ...namingOf(model) }
  const aligned = alignLabels(fresh.train, model.classes, matching)
  const { classes, added, missing, nearMisses } = aligned
  const kept = pack && packRows(pack, packUse(read, sources, classes))
  const { rows, measured, ownGate, notes } = updateRows(read, sources, { classes, matching, kept })
  const base = expanded(read, sources, kept)
  const widened = added.length > 0 ? widenHead(base, { classes: added, seed }) : base
  const headOnly = pack?.private ?? false
  const gateFeatures = async (part: Dataset) => (headOnly ? featureDataset(engine, model, part) : part)
  const plain = added.length > 0 ? widenHead(model, { classes: added, seed }) : model
  return {
    ...loaded,
    given: read.given.file,
    folder: (await stat(sources.model)).isDirectory(),
    widened,
    learner: {
      // A pack knows no Fisher of updates that were added to the model since.
      ...learnerOf(loaded, base, widened, headOnly, read.updates ? undefined : kept?.fisher),
      updates: read.updates,
      plain:
        sources.expandHead === undefined
          ? undefined
          : {
              widened: headOnly ? modelAbove(plain, headCut(plain)) : plain,
              ...{ width: sources.expandHead, sums: kept?.sums?.of(plain) },
            },
    },
    headOnly,
    classes: {
      known: model.classes,
      kept: model.classes.filter((name) => !missing.includes(name)),
      added,
      nearMisses,
    },
    data: {
      ...(headOnly ? await withFeatures(engine, model, rows, { old: read.old !== undefined }) : rows),
      sums: kept?.sums?.of(widened),
    },
    close: read.spill.close,
    // A private pack's held-out rows are features already.
    gateData: measured && (!headOnly || !read.old) ? measured : await gateFeatures(measured ?? ownGate),
    notes: [
      ...loaded.notes,
      ...aligned.notes,
      ...read.notes,
      ...[fresh, read.old, read.unlabelled].flatMap((parts) => parts?.notes ?? []),
      ...notes,
      ...[read.spill.note(sources.fresh)].filter((note) => note !== undefined),
      ...(kept?.notes ?? []),
    ],
  }
}

const packUse = (
  { loaded, given, fresh }: ReadUpdate,
  { keep }: UpdateSources,
  classes: readonly string[],
) => ({
  model: loaded.model,
  identity: identify(given),
  place: present(keep, 'the name of the pack'),
  classes,
  preprocessing: fresh.train.preprocessing,
})

interface UpdateRows {
  readonly rows: UpdateData
  /** What a gate on the old data evaluates; undefined where nothing is old. */
  readonly measured: Dataset | undefined
  /** The same of the new data. */
  readonly ownGate: Dataset
  readonly notes: readonly string[]
}

/** All rows under the classes of the updated model, those of tokens equally long. */
function updateRows(
  read: ReadUpdate,
  sources: UpdateSources,
  {
    classes,
    matching,
    kept,
  }: {
    readonly classes: readonly string[]
    readonly matching: AlignOptions
    readonly kept: PackRows | undefined
  },
): UpdateRows {
  const { model } = read.loaded
  // Features are of one width however many tokens there were.
  const packed = kept && !read.pack?.private ? [kept.exemplars, kept.heldOut] : []
  const length = longest([...allParts(read), ...packed.filter((part) => part !== undefined)])
  const padded = (part: Dataset | undefined) => part && paddedTo(part, length)
  // By the rules that data and model are matched by, and then behind the classes that all parts add.
  const underModel = (part: Dataset): Dataset => alignLabels(part, model.classes, matching).dataset
  const under = (parts: LoadedData): LoadedData =>
    mapParts(parts, (part) => paddedTo(alignLabels(underModel(part), classes).dataset, length))
  const fresh = under(read.fresh)
  const old =
    read.old && under(withKnownClasses(read.old, model, sources, matching.numbersArePositions ?? false))
  const [newRows, newNotes] = newPart(fresh, sources.fresh)
  const [oldRows, oldNotes] = old ? oldPart(old, sources, sources.seed ?? 0) : [rowsOfPack(kept, padded), []]
  const traffic = sources.traffic && givenTraffic(sources.traffic, model.classes, 'The traffic')
  const shares = trafficShares(traffic, model.classes, classes) ?? kept?.traffic
  const unlabelled = read.unlabelled && padded(underNoLabels(read.unlabelled, classes))
  return {
    rows: { ...newRows, ...oldRows, traffic: shares, unlabelled },
    measured: old ? gatePart(old) : padded(kept?.heldOut),
    ownGate: gatePart(fresh),
    notes: [...newNotes, ...oldNotes],
  }
}

const rowsOfPack = (
  kept: PackRows | undefined,
  padded: (part: Dataset | undefined) => Dataset | undefined,
): Partial<UpdateData> => ({
  exemplars: padded(kept?.exemplars),
  oldHeldOut: padded(kept?.heldOut),
  oldActivations: kept?.activations,
  traffic: kept?.traffic,
  first: kept?.first,
  uses: kept?.uses,
})

function learnerOf(
  { model: asLoaded, file }: LoadedModel,
  model: Model,
  widened: Model,
  headOnly: boolean,
  fisher: UpdateOptions['fisher'],
): LoadedUpdate['learner'] {
  return {
    ...(headOnly
      ? { model: modelAbove(model, headCut(model)), widened: modelAbove(widened, headCut(widened)) }
      : { model, widened }),
    stored: readBackOf(
      file.model,
      [...asLoaded.parameters.keys(), ...asLoaded.buffers.keys()],
      file.externalData,
    ),
    ...given(fisher),
  }
}

/**
 * The model with random features before its head, where these are asked for: those that the pack has summed, where it has.
 */
function expanded(
  { loaded: { model } }: ReadUpdate,
  { expandHead: width, seed }: UpdateSources,
  kept: PackRows | undefined,
): Model {
  if (width === undefined) return model
  const summed = kept?.sums?.expansion
  return expandHead(model, summed?.width === width ? { width, seed: summed.seed } : { width, seed })
}

export const given = (fisher: UpdateOptions['fisher']) => (fisher ? { fisher } : {})
