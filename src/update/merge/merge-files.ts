import { count } from '../../count.ts'
import { preview } from '../../data/names/index.ts'
import { UsageError } from '../../errors.ts'
import { withWeights } from '../../evaluate/reader.ts'
import { addSums, type FeatureSums } from '../../evaluate/sums.ts'
import { linearHead, summedHead } from '../../methods/closed-form/index.ts'
import type { Bindings } from '../../model/import/index.ts'
import {
  companionsOf,
  type LoadedModel,
  loadModel,
  modelOfFile,
  saveModel,
  writeCompanions,
} from '../../model/import/index-files.ts'
import { mergeWeights } from '../../model/merge-weights.ts'
import { type Model, weightsOf } from '../../model/model.ts'
import { networkDifference } from '../../model/same-network.ts'
import { itemAt, required } from '../../required.ts'
import { sameElements } from '../../tensor/bytes.ts'
import { readBytes } from '../../tensor/reads-files.ts'
import { readSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Pack, sumsFor } from '../pack/index.ts'
import { readPack } from '../pack/index-files.ts'
import { onceEach } from './packs-once.ts'

export interface MergeSources {
  /** What all models were trained from. */
  readonly base: string
  readonly models: readonly string[]
  /** A file of each model's Fisher, in the order of the models, as `holdfast fisher` writes it. Default: the plain mean. */
  readonly fisher?: readonly string[] | undefined
  /** How much each model counts. Default all alike. */
  readonly shares?: readonly number[] | undefined
  /** Retention packs whose sums the head is worked out from. */
  readonly packs?: readonly string[] | undefined
  readonly output?: string | undefined
  readonly bind?: Bindings | undefined
}

/** Several models as one, not yet written. */
export interface Merged {
  /** The file that it is written as, with other weights. */
  readonly base: LoadedModel
  readonly model: Model
  /** How its weights below the head, or all, came about. */
  readonly weights: 'base' | 'mean' | 'fisher'
  /** How its head came about: as the other weights, or from the sums of packs. */
  readonly head: 'weights' | 'sums'
  /** Rows that were summed, of all packs. */
  readonly rows: number | undefined
  readonly notes: readonly string[]
}

/**
 * Merges models that were trained from one, without their data.
 *
 * @throws UsageError `merge-graph` naming what makes one another network; `merge-fisher`, `merge-shares` for a value too many or too few; `merge-sums` for packs without sums of
 * these features; `merge-twice` for one model twice; `pack-overlap` as {@link onceEach}; what `mergeWeights`, `summedHead` and loading throw.
 */
export async function mergeModels(sources: MergeSources): Promise<Merged> {
  const { output, bind } = sources
  // Statistics are weights here: they may differ from model to model.
  const options = { output, bind, batchNorm: 'train' as const }
  const base = await loadModel(sources.base, options)
  const loaded: LoadedModel[] = []
  for (const path of sources.models) loaded.push(await loadSame(path, base, options))
  refuseTwice(sources.models, loaded)
  const weights = await mergedOf(sources, loaded)
  const merged = weights ? withWeights(base.model, weights) : base.model
  const summed = await headOf(sources, base.file, weightsOf(merged))
  return {
    base,
    model: summed ? withWeights(merged, summed.head) : merged,
    weights: !weights ? 'base' : sources.fisher ? 'fisher' : 'mean',
    head: summed ? 'sums' : 'weights',
    rows: summed?.rows,
    notes: [
      ...new Set([base, ...loaded].flatMap(({ notes }) => notes)),
      ...statisticsNote(weights, merged),
      ...(summed?.notes ?? []),
    ],
  }
}

/** Statistics are not what training moved by gradients: their mean is not that of all rows. */
const statisticsNote = (
  weights: ReadonlyMap<string, Tensor> | undefined,
  { buffers }: Model,
): readonly string[] =>
  weights && buffers.size > 0
    ? ['Running statistics of batch norms are the mean of those of the models.']
    : []

async function loadSame(
  path: string,
  base: LoadedModel,
  options: Parameters<typeof loadModel>[1],
): Promise<LoadedModel> {
  const found = await loadModel(path, options)
  const difference = networkDifference(found.model, base.model)
  if (difference === undefined) return found
  throw new UsageError(
    'merge-graph',
    `${path} and ${base.file.path} are not the same network: ${difference}. Only models that were trained from the base, and have its classes, can be merged; widen the base first where sites have added classes.`,
  )
}

/** Twice the same weights would count twice in the mean, and as two of its models. */
function refuseTwice(paths: readonly string[], loaded: readonly LoadedModel[]): void {
  for (const [at, { model }] of loaded.entries()) {
    const twin = loaded
      .slice(0, at)
      .findIndex((other) => sameWeights(weightsOf(other.model), weightsOf(model)))
    if (twin < 0) continue
    throw new UsageError(
      'merge-twice',
      `${itemAt(paths, twin, 'model')} and ${itemAt(paths, at, 'model')} are the same model, to the last bit: it would count twice. Leave one out; where one model is to count more than others, say so with --shares.`,
    )
  }
}

const sameWeights = (a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): boolean =>
  [...a].every(([name, tensor]) => sameElements(tensor, required(b, name, 'weight')))

async function mergedOf(
  { models, fisher, shares }: MergeSources,
  loaded: readonly LoadedModel[],
): Promise<ReadonlyMap<string, Tensor> | undefined> {
  if (models.length === 0) return undefined
  for (const [code, what, given] of [
    ['merge-fisher', '--fisher', fisher],
    ['merge-shares', '--shares', shares],
  ] as const) {
    if (given === undefined || given.length === models.length) continue
    throw new UsageError(
      code,
      `${what} has ${count(given.length, 'value')} for ${count(models.length, 'model')}: give one for each, in their order.`,
    )
  }
  const importances = await Promise.all(
    (fisher ?? []).map(async (path) => readSafetensors(await readBytes(path), path).tensors),
  )
  const parts = loaded.map(({ model }, at) => ({
    name: itemAt(models, at, 'model'),
    weights: weightsOf(model),
    share: shares?.[at],
    importance: importances[at],
  }))
  return mergeWeights(parts)
}

async function headOf(
  { packs = [], output, bind }: MergeSources,
  file: LoadedModel['file'],
  weights: ReadonlyMap<string, Tensor>,
) {
  if (packs.length === 0) return undefined
  const model = withWeights((await modelOfFile(file, { output, bind })).model, weights)
  const { counted, notes } = onceEach(await sumsIn(packs))
  const all = counted
    .map(({ path, pack }) => sumsOf(path, pack, model))
    .reduce((some, more) => addSums(some, more))
  const empty = model.classes.filter((_, unit) => all.counts[unit] === 0)
  if (empty.length > 0) {
    throw new UsageError(
      'merge-sums',
      `No pack has rows of ${preview(empty)}, which the head knows: it cannot be worked out anew without them. Add a pack that has some.`,
    )
  }
  const head = await summedHead(model, linearHead(model), all, { kind: 'ridge' })
  return { head, notes, rows: all.counts.reduce((sum, count) => sum + count, 0) }
}

type Summed = Pick<Pack, 'data' | 'sums' | 'classes'>

/** One pack after another, as each holds exemplars that nobody needs here. */
async function sumsIn(paths: readonly string[]): Promise<{ readonly path: string; readonly pack: Summed }[]> {
  const found: { path: string; pack: Summed }[] = []
  for (const path of paths) {
    const { data, sums, classes } = await readPack(path)
    found.push({ path, pack: { data, sums, classes } })
  }
  return found
}

function sumsOf(path: string, pack: Summed, model: Model): FeatureSums {
  const found = pack.sums && sumsFor(pack.sums, model, pack.classes, model.classes)
  if (found) return found
  throw new UsageError(
    'merge-sums',
    `${path} has no sums that hold for the merged model: ${pack.sums ? 'they are of other weights below the head, of other random features, or of classes that it does not know. Sums add up where only heads were trained' : 'it was made without them'}. Make the pack anew of the model that is merged, or leave it out.`,
  )
}

/**
 * Writes a merged model as the base's file with other weights, and the files that go beside it.
 *
 * @returns These.
 */
export async function saveMerged(path: string, { base, model }: Merged): Promise<readonly string[]> {
  const companions = await companionsOf(path, base.file, base.model)
  await saveModel(path, base.file, weightsOf(model))
  return writeCompanions(companions)
}
