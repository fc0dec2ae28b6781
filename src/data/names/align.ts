import { DataError } from '../../errors.ts'
import { itemAt, required } from '../../required.ts'
import { type Dataset, kindOf, withLabels } from '../dataset.ts'
import { renumbered } from '../renumbered.ts'
import { matchClasses } from './match.ts'

/** A data set under a model's classes, and how the two lists of classes compare. */
export interface Alignment {
  /** The same rows (inputs not copied), labels in the order of `classes`. */
  readonly dataset: Dataset
  /** The model's classes in their order, and behind them the new ones. */
  readonly classes: readonly string[]
  /** Classes that the model does not have, in the order of the data set. */
  readonly added: readonly string[]
  /** The model's classes of which the data set does not know. */
  readonly missing: readonly string[]
  /** New classes that differ from one of the model's in case, spaces, hyphens or underscores only: perhaps the same. */
  readonly nearMisses: readonly { readonly data: string; readonly model: string }[]
  /** Names that were taken for one of the model's though they are written otherwise. */
  readonly notes: readonly string[]
}

export interface AlignOptions {
  /** Names of the data set that mean classes of the model called otherwise: `{ 'Sign Out': 'sign_out' }`. */
  readonly rename?: Readonly<Record<string, string>> | undefined
  /** Says that the numbers on the side that has no names are positions in the list of the side that has. */
  readonly numbersArePositions?: boolean | undefined
  /** Whether `classes` are numbers for want of names: `unnamed` of a model. Default false. */
  readonly unnamed?: boolean | undefined
  /** Whether a file beside the model names them: `namedBeside` of a model. Default false. */
  readonly namedBeside?: boolean | undefined
}

/**
 * Brings a data set's labels into the order of a model's classes, by name as {@link matchClasses} compares: the order in the data set, often
 * the alphabet's, means nothing. What is only nearly equal is told, and counts as new.
 *
 * @param classes The model's, in the order of its outputs.
 * @throws DataError `data-labels` for targets, which have no classes; and what {@link matchClasses} throws.
 * @example
 * const { dataset, added } = alignLabels(data, ['cat', 'dog'])
 */
export function alignLabels(
  dataset: Dataset,
  classes: readonly string[],
  { rename = {}, numbersArePositions = false, unnamed, namedBeside }: AlignOptions = {},
): Alignment {
  if (kindOf(dataset) === 'regression') {
    throw new DataError(
      'data-labels',
      `Data set '${dataset.name}' has numbers to predict, not classes; there is nothing to align.`,
    )
  }
  const renamed = dataset.classes.map((name) => (Object.hasOwn(rename, name) ? (rename[name] ?? name) : name))
  const { names, nearMisses, notes } = matchClasses(
    renamed,
    { names: classes, unnamed, namedBeside },
    { place: dataset.name, numbersArePositions },
  )
  const known = new Set(classes)
  const added = names.filter((name) => !known.has(name))
  const all = [...classes, ...added]
  const places = new Map(all.map((name, place) => [name, place]))
  const map = names.map((name) => required(places, name, 'class'))
  const present = new Set(names)
  return {
    dataset: withLabels(dataset, moveLabels(dataset, map, all.length), all),
    classes: all,
    added,
    missing: classes.filter((name) => !present.has(name)),
    nearMisses,
    notes,
  }
}

/** Labels under a new order: class c becomes `map[c]`, of `count`. */
function moveLabels({ labels }: Dataset, map: readonly number[], count: number): Dataset['labels'] {
  if (labels.type === 'int32') return renumbered(labels, map)
  const [rows = 0, width = 0] = labels.dims
  const data = new Float32Array(rows * count)
  for (const [at, value] of labels.data.entries()) {
    data[Math.floor(at / width) * count + itemAt(map, at % width, 'class')] = value
  }
  return { type: 'float32', dims: [rows, count], data }
}
