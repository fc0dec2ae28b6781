import type { Dataset } from '../data/dataset.ts'
import type { LoadedData } from '../data/parts.ts'
import type { ReadOptions } from '../data/read-options.ts'
import { preprocessed } from '../data/reading.ts'
import { readingFor } from '../data/reading-files.ts'
import { columnsOf, inColumnsOf, type NamedColumns } from '../data/same-columns.ts'
import { type OpenSpill, openSpill } from '../data/spill-files.ts'
import { ModelError, UsageError } from '../errors.ts'
import { readWanted, rowsFor } from '../evaluate/other-kind-files.ts'
import { withOpenUpdates } from '../model/adapters/index-files.ts'
import { type LoadedModel, loadModel } from '../model/import/index-files.ts'
import type { Model } from '../model/model.ts'
import { checkKind, checkRows } from './check-rows.ts'
import { updateDefaults } from './defaults.ts'
import { readSource } from './model-data-files.ts'
import { isSumsOnly, type Pack } from './pack/index.ts'
import { readPack } from './pack/index-files.ts'
import { beyondHead } from './update-pack.ts'
import { partsOf } from './update-parts.ts'
import type { UpdateSources } from './update-sources.ts'

/** What an update's files hold, before classes are matched. */
export interface ReadUpdate {
  /** With low-rank updates beside layers of few bits. */
  readonly loaded: LoadedModel
  /** As it is deployed. */
  readonly given: LoadedModel
  /** Names of the updates; undefined where no layers are of few bits. */
  readonly updates: readonly string[] | undefined
  readonly pack: Pack | undefined
  readonly old: LoadedData | undefined
  readonly fresh: LoadedData
  readonly unlabelled: LoadedData | undefined
  /** What was assumed of how the model reads data. */
  readonly notes: readonly string[]
  /** Where rows lie that memory has no room for. */
  readonly spill: OpenSpill
}

/** Reads model, pack and data, and refuses what the model cannot read; see {@link loadUpdate} for the errors. */
export async function readUpdate(sources: UpdateSources, given?: LoadedModel): Promise<ReadUpdate> {
  const { batchNorm, output, bind, keep } = sources
  const asGiven = given ?? (await loadModel(sources.model, { output, bind, batchNorm }))
  const { model } = asGiven
  if (model.classes.length === 0) {
    throw new ModelError(
      'labels-missing',
      `${sources.model}: the file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.`,
    )
  }
  const pack = keep === undefined ? undefined : await readPack(keep)
  if (pack && keep !== undefined && sources.old !== undefined) refuseTwice(pack, keep, sources.old)
  if (pack?.private && keep !== undefined && batchNorm === 'train') {
    throw beyondHead(keep, '--batchnorm train changes statistics below it')
  }
  const { rank = updateDefaults.rank, seed = 0 } = sources
  const opened =
    rank === 0 || pack?.private
      ? undefined
      : await withOpenUpdates(asGiven, { rank, seed, output, bind, batchNorm })
  const loaded = opened?.loaded ?? asGiven
  const { options, notes } = await readingFor({ path: loaded.file.path, input: model.input }, sources.reading)
  const known = pack && keep !== undefined ? { name: keep, columns: pack.columns } : undefined
  const spill = openSpill(options.maxBytes)
  try {
    return {
      ...{ loaded, given: asGiven, updates: opened?.updates.names, pack, notes, spill },
      ...(await readData(sources, model, { ...options, spill }, known)),
    }
  } catch (error) {
    spill.close()
    throw error
  }
}

/** @throws UsageError `update-sources` for old data beside a pack that has rows of its own. */
function refuseTwice(pack: Pack, keep: string, old: string): void {
  if (isSumsOnly(pack)) return
  throw new UsageError(
    'update-sources',
    `${keep} and ${old} both say what is old: give one of them. Only a pack without rows (holdfast keep --sums-only) goes with old data: its sums then make the head, and the data are rehearsed and prove it.`,
  )
}

/** @param pack What the pack says of its columns. */
async function readData(
  { model: modelPath, old, fresh, unlabelled, preprocessing }: UpdateSources,
  model: Model,
  options: ReadOptions,
  pack: NamedColumns | undefined,
): Promise<Pick<ReadUpdate, 'old' | 'fresh' | 'unlabelled'>> {
  const read = async (
    source: string,
    before: NamedColumns | undefined,
    bare = false,
  ): Promise<LoadedData> => {
    const how = { ...options, name: source, unlabelled: bare }
    const found = await inColumnsOf(before, how, (settled) =>
      readWanted(source, rowsFor(model, modelPath), settled, () => readSource(source, settled)),
    )
    for (const part of partsOf(found)) {
      checkRows(part, model, source)
      if (!bare) checkKind(part, source)
    }
    return preprocessed(found, preprocessing)
  }
  // What the model knows comes first: the columns of what is new to it follow its order.
  const known = old === undefined ? undefined : await read(old, pack)
  const before = known ? columnsOf(known) : pack
  const added = await read(fresh, before)
  return {
    old: known,
    fresh: added,
    unlabelled:
      unlabelled === undefined ? undefined : await read(unlabelled, before ?? columnsOf(added), true),
  }
}

/** The parts of all data, for what has to hold of each row. */
export const allParts = ({ fresh, old, unlabelled }: ReadUpdate): Dataset[] =>
  [fresh, old, unlabelled].flatMap(partsOf)
