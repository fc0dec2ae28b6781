import { DataError } from '../../errors.ts'
import { type Dataset, ignoredLabel, kindOf, withLabels } from '../dataset.ts'
import { preview } from './labels.ts'

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
}

export interface AlignOptions {
  /** Names of the data set that mean classes of the model called otherwise: `{ 'Sign Out': 'sign_out' }`. */
  readonly rename?: Readonly<Record<string, string>> | undefined
  /** Says that the numbers on the side that has no names are positions in the list of the side that has. */
  readonly numbersArePositions?: boolean | undefined
}

/**
 * Brings a data set's labels into the order of a model's classes, by name: the order in the data set, often the alphabet's, means nothing. What
 * is only nearly equal is told, and counts as new.
 *
 * @param classes The model's, in the order of its outputs.
 * @throws DataError `classes-numbered` when one side has names and the other only numbers, as then nothing can be matched by name;
 * `classes-repeated` when a name is there twice; `data-labels` for targets, which have no classes.
 * @example
 * const { dataset, added } = alignLabels(data, ['cat', 'dog'])
 */
export function alignLabels(
  dataset: Dataset,
  classes: readonly string[],
  { rename = {}, numbersArePositions = false }: AlignOptions = {},
): Alignment {
  if (kindOf(dataset) === 'regression') {
    throw new DataError(
      'data-labels',
      `Data set '${dataset.name}' has numbers to predict, not classes; there is nothing to align.`,
    )
  }
  refuseRepeated(classes, 'the model')
  const renamed = dataset.classes.map((name) => (Object.hasOwn(rename, name) ? (rename[name] ?? name) : name))
  const names = settleNumbers(renamed, classes, dataset.name, numbersArePositions)
  refuseRepeated(names, `data set '${dataset.name}'`)
  const known = new Set(classes)
  const added = names.filter((name) => !known.has(name))
  const all = [...classes, ...added]
  const places = new Map(all.map((name, place) => [name, place]))
  const map = names.map((name) => places.get(name) ?? 0)
  const present = new Set(names)
  const spelled = new Map(classes.map((name) => [plain(name), name]))
  return {
    dataset: withLabels(dataset, moveLabels(dataset, map, all.length), all),
    classes: all,
    added,
    missing: classes.filter((name) => !present.has(name)),
    nearMisses: added.flatMap((data) => {
      const model = spelled.get(plain(data))
      return model === undefined || present.has(model) ? [] : [{ data, model }]
    }),
  }
}

const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]+/g, '')

const isNumber = (name: string): boolean => /^\d+$/.test(name)

/** Names in place of numbers, where one side has numbers only and the caller says that they are positions. */
function settleNumbers(
  names: readonly string[],
  classes: readonly string[],
  dataset: string,
  positions: boolean,
): readonly string[] {
  const dataNumbered = names.length > 0 && names.every(isNumber)
  const modelNumbered = classes.length > 0 && classes.every(isNumber)
  if (dataNumbered === modelNumbered || names.length === 0 || classes.length === 0) return names
  if (!positions) {
    throw new DataError(
      'classes-numbered',
      `Data set '${dataset}' calls its classes ${preview(names)}, the model ${preview(classes)}: ${dataNumbered ? 'the data' : 'the model'} has numbers only, so that classes cannot be matched by name. Give the names (${dataNumbered ? "the data's" : "the model's"} classes, in order), or say that the numbers are positions in the other list (numbersArePositions).`,
    )
  }
  // Numbered model: the n-th class of the data is the model's class n. Numbered data: class n is the model's n-th.
  return names.map((name, position) =>
    dataNumbered ? (classes[Number(name)] ?? name) : (classes[position] ?? name),
  )
}

function refuseRepeated(names: readonly string[], whose: string): void {
  const repeated = names.find((name, position) => names.indexOf(name) !== position)
  if (repeated === undefined) return
  throw new DataError(
    'classes-repeated',
    `The classes of ${whose} name '${repeated}' twice; labels can be matched by name only if names differ.`,
  )
}

/** Labels under a new order: class c becomes `map[c]`, of `count`. */
function moveLabels({ labels }: Dataset, map: readonly number[], count: number): Dataset['labels'] {
  if (labels.type === 'int32') {
    return { ...labels, data: labels.data.map((label) => (label < 0 ? ignoredLabel : (map[label] ?? 0))) }
  }
  const [rows = 0, width = 0] = labels.dims
  const data = new Float32Array(rows * count)
  for (const [at, value] of labels.data.entries()) {
    data[Math.floor(at / width) * count + (map[at % width] ?? 0)] = value
  }
  return { type: 'float32', dims: [rows, count], data }
}
