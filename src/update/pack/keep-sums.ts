import { count } from '../../count.ts'
import { classLabels, type Dataset, samples } from '../../data/dataset.ts'
import { placesOf, preview } from '../../data/names/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { featureSums } from '../../evaluate/feature-sums.ts'
import { featureVectors } from '../../evaluate/features.ts'
import { addSums, type FeatureSums, sumsUnder } from '../../evaluate/sums.ts'
import { type Expansion, expandHead, expansionOf, findHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import { present, required } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Pack } from './pack.ts'
import {
  asStored,
  describeExpansion,
  holdFor,
  type PackExpansion,
  type PackSums,
  placeOf,
} from './pack-sums.ts'

/** Wider features make sums of a size that nobody wants in a pack: 4096 squared in float32 is 32 MB. */
const WIDEST = 4096
/** Sums of fewer rows of a class come near to saying what the rows are. */
const FEW = 10

export interface SumsOptions {
  readonly engine: Engine
  readonly model: Model
  /** The model's output for each row. */
  readonly labels: Int32Array
  /** Of the rows; undefined for a model without a head. */
  readonly features: Tensor<'float32'> | undefined
  /** Random features to sum in place of the head's own. */
  readonly expandHead?: number | undefined
  /** Of the random features. */
  readonly seed: number
}

export interface Summed {
  readonly sums: PackSums | undefined
  readonly notes: readonly string[]
}

/**
 * Sums of the features of all rows; none where a head cannot be worked out from them, which is said.
 *
 * @throws ModelError `head-missing`, `head-tied`, `head-expand` or `head-expanded` where random features are asked for and cannot be had.
 */
export async function sumsOfRows(options: SumsOptions): Promise<Summed> {
  const { engine, model, labels, features, expandHead: width, seed } = options
  const expanded = width === undefined ? model : expandHead(model, { width, seed })
  if (!findHead(expanded) || !features) return { sums: undefined, notes: [] }
  const expansion = expansionOf(expanded)
  const reason = unfit(expanded, features, expansion)
  if (reason) return { sums: undefined, notes: [`No sums are kept: ${reason}.`] }
  const sums = await summed(engine, features, { labels, classes: model.classes.length }, expansion)
  const said = expansion && describeExpansion(expansion, width === undefined ? undefined : { width, seed })
  return {
    sums: { ...placeOf(model), of: 'training data', expansion: said, sums: asStored(sums) },
    notes: [],
  }
}

/** Why sums of these features would be of no use. */
function unfit(model: Model, { dims }: Tensor, expansion: Expansion | undefined): string | undefined {
  const head = findHead(model)
  const [, width = 0] = dims
  const weight = head && required(model.parameters, head.weight, 'parameter')
  const read = expansion ? (expansion.weight.dims[1] ?? 0) : (weight?.data.length ?? 0) / (head?.classes ?? 1)
  const given = expansion ? (expansion.weight.dims[0] ?? 0) : read
  if (width !== given) return `the head reads several vectors of features a row, ${width} numbers in all`
  return !expansion && read > WIDEST
    ? `the head reads ${read} features, and sums are kept of ${WIDEST} at most`
    : undefined
}

const rowsOf = (dataset: Dataset) => ({ labels: classLabels(dataset), classes: dataset.classes.length })

const summed = (
  engine: Engine,
  features: Tensor<'float32'>,
  rows: { readonly labels: Int32Array; readonly classes: number },
  expansion: Expansion | undefined,
): Promise<FeatureSums> => featureSums({ engine, features, ...rows, expansion: expansion?.weight })

export interface ExtendSumsOptions {
  readonly engine: Engine
  readonly pack: Pack
  /** The updated model. */
  readonly model: Model
  /** New rows, and their features where they are known. */
  readonly fresh: Dataset
  readonly features?: Tensor<'float32'> | undefined
  /** Whether the new data are some that the pack was made of already. */
  readonly known: boolean
  /** What the pack has of the old rows, under the model's classes. */
  readonly exemplars: Dataset | undefined
}

/**
 * A pack's sums after an update: with the new rows, and where the weights below the head have changed, of the old exemplars instead of all
 * old rows. A pack without sums gets none: they would say nothing of its old data.
 */
export async function extendedSums(options: ExtendSumsOptions): Promise<Summed> {
  const { engine, pack, model, fresh, known, exemplars } = options
  if (!pack.sums) return { sums: undefined, notes: [] }
  const expansion = expansionOf(model) ?? expansionAgain(model, pack.sums.expansion)
  const stays = holdFor(pack.sums, model, expansion)
  const joins = samples(fresh) > 0 && !(stays && known)
  const features = joins ? (options.features ?? (await featureVectors(engine, model, fresh))) : undefined
  const reason = features && unfit(model, features, expansionOf(model))
  if (reason) return { sums: undefined, notes: [`The sums are gone: ${reason}.`] }
  const joining = features && (await summed(engine, features, rowsOf(fresh), expansion))
  const places = placesOf(pack.classes, model.classes)
  const old = stays
    ? sumsUnder(pack.sums.sums, places, model.classes.length)
    : exemplars &&
      (await summed(engine, await vectorsOf(engine, model, pack, exemplars), rowsOf(exemplars), expansion))
  if (!old && !joining)
    return { sums: undefined, notes: ['The sums are gone: no row is left to take them of.'] }
  const { seed, width } = pack.sums.expansion ?? {}
  const sums: PackSums = {
    ...placeOf(model),
    of: stays ? pack.sums.of : 'exemplars',
    expansion:
      expansion &&
      describeExpansion(expansion, seed === undefined || width === undefined ? undefined : { seed, width }),
    sums: asStored(total(old, joining)),
  }
  return { sums, notes: stays ? [] : [renewed(exemplars)] }
}

const total = (old: FeatureSums | undefined, joining: FeatureSums | undefined): FeatureSums =>
  old && joining ? addSums(old, joining) : present(old ?? joining, 'sums of old or new rows')

const renewed = (exemplars: Dataset | undefined): string =>
  `The weights below the head have changed, so that the sums of the old data hold no more: they were taken anew, ${exemplars ? `of the ${count(samples(exemplars), 'exemplar')} of old data and` : 'of'} all new rows.`

/** Where the model's head reads plain features, the random ones that the pack summed. */
const expansionAgain = (model: Model, said: PackExpansion | undefined): Expansion | undefined =>
  said?.seed === undefined
    ? undefined
    : expansionOf(expandHead(model, { width: said.width, seed: said.seed }))

/** A private pack's rows are features already. */
const vectorsOf = async (engine: Engine, model: Model, pack: Pack, exemplars: Dataset) =>
  pack.private ? (exemplars.inputs as Tensor<'float32'>) : featureVectors(engine, model, exemplars)

/** What should be known of sums of few rows, where nothing else of the rows is given away. */
export function fewRows({ classes, sums }: Pick<Pack, 'classes' | 'sums'>): string[] {
  const few = classes.filter((_, unit) => {
    const count = sums?.sums.counts[unit] ?? 0
    return count > 0 && count < FEW
  })
  if (few.length === 0) return []
  return [
    `Of ${preview(few)} fewer than ${FEW} rows were summed: whoever has the pack can learn something of single rows. Add rows, or leave ${few.length === 1 ? 'the class' : 'these classes'} out.`,
  ]
}
