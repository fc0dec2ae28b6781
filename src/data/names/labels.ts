import { oneOf } from '../../count.ts'
import { DataError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type DatasetKind, ignoredLabel } from '../dataset.ts'
import { className, inClassOrder, isNumber, preview } from './class-name.ts'
import { type Repeated, refuseRepeated } from './distinct.ts'

type Value = string | number | bigint

/** Labels as found in a file, and how to name a row of it in a message. */
interface Found {
  /** For example `data.csv, line 7`. */
  readonly locate: (row: number) => string
  /** The classes' names in their order, where the file itself says them. */
  readonly names?: readonly string[] | undefined
}

/** One label a row. */
export interface ClassValues extends Found {
  readonly kind: 'classification'
  readonly values: readonly Value[]
}

/** Any number of labels a row. */
export interface SetValues extends Found {
  readonly kind: 'multi-label'
  readonly values: readonly (readonly Value[])[]
}

/** One label a token; null where there is nothing to learn. */
export interface TagValues extends Found {
  readonly kind: 'token-classification'
  readonly values: readonly (readonly (Value | null)[])[]
}

/** Labels that name classes, before they are numbers. */
export type RawLabels = ClassValues | SetValues | TagValues

/** Beyond this the labels are taken for a mistaken column: for a row's number, a time, a text. */
const mostClasses = 100_000

/** The distinct labels of files that come one after another. */
export interface ClassCollector {
  /** @throws DataError `label-missing`, `label-too-many`, `data-mismatch`, `classes-repeated`. */
  readonly add: (labels: RawLabels) => void
  /**
   * The classes of all that was added: as the files name them; else the distinct labels as they are written, whole numbers by what they
   * count and all others by code point.
   */
  readonly classes: () => readonly string[]
  /** Whether the classes are settled, by the caller or by a file that names them. */
  readonly named: () => boolean
  /** Labels that were taken for one class though they are written otherwise. */
  readonly notes: () => readonly string[]
}

/**
 * Collects the classes of data that are read part by part.
 *
 * @param known The classes where they are known: then labels are only checked not to be empty.
 * @throws DataError `classes-repeated` where two of them are alike.
 */
export function collectClasses(known?: readonly string[]): ClassCollector {
  if (known) refuseRepeated(known, calls('The caller'))
  let names: readonly string[] | undefined
  const spellings = new Map<string, string>()
  const merged = new Set<string>()
  const seen = new Set<Value>()
  const take = (value: Value, place: string): void => {
    if (seen.has(value)) return
    const text = String(value).trim()
    const name = className(text)
    if (name === '')
      throw new DataError('label-missing', `${place}: the label is empty; every row needs one.`)
    if (known) return
    seen.add(value)
    const before = spellings.get(name)
    if (before === undefined) spellings.set(name, text)
    else if (before !== text) merged.add(name)
    if (spellings.size <= mostClasses) return
    throw new DataError(
      'label-too-many',
      `${place}: label ${text.slice(0, 40)} is the ${spellings.size.toLocaleString('en-US')}th that differs from all before. Is this the label's column? Then these are more classes than can be told apart here.`,
    )
  }
  return {
    add(labels) {
      const named = labels.names?.map(className)
      if (named && names && JSON.stringify(named) !== JSON.stringify(names)) {
        throw new DataError(
          'data-mismatch',
          `${labels.locate(0)}: this file names its classes ${preview(named)}, but a file before it ${preview(names)}.`,
        )
      }
      if (named && !names) refuseRepeated(named, calls(`${labels.locate(0)}: the file`))
      names ??= named
      for (const [row, value] of labels.values.entries()) {
        if (typeof value !== 'object') take(value, labels.locate(row))
        else for (const entry of value) if (entry !== null) take(entry, labels.locate(row))
      }
    },
    named: () => known !== undefined || names !== undefined,
    classes: () => known ?? names ?? inClassOrder(spellings.keys()),
    notes: () =>
      merged.size === 0 || names
        ? []
        : [`Labels that differ in their Unicode form only are one class each: ${preview([...merged])}.`],
  }
}

const calls =
  (who: string) =>
  ({ name, first, second }: Repeated): string =>
    `${who} calls classes ${first} and ${second} both ${name}`

/**
 * Labels as a data set holds them: a label is one of the classes' names, or else, where it is a whole number and none of the names is
 * one, an index into them: such are the names that a file gives for its numbers, or the caller.
 *
 * @param positions Of tags: how many each row gets, filled up with {@link ignoredLabel}.
 * @throws DataError `label-unknown` when a label is not in `classes`.
 */
export function encodeLabels(
  labels: RawLabels,
  classes: readonly string[],
  positions = 0,
): { readonly kind: DatasetKind; readonly labels: Tensor<'int32'> | Tensor<'float32'> } {
  const indexOf = indexer(classes)
  const { kind, locate } = labels
  const rows = labels.values.length
  if (kind === 'classification') {
    const data = Int32Array.from(labels.values, (value, row) => indexOf(value, locate, row))
    return { kind, labels: { type: 'int32', dims: [rows], data } }
  }
  if (kind === 'multi-label') {
    const data = new Float32Array(rows * classes.length)
    for (const [row, values] of labels.values.entries()) {
      for (const value of values) data[row * classes.length + indexOf(value, locate, row)] = 1
    }
    return { kind, labels: { type: 'float32', dims: [rows, classes.length], data } }
  }
  const data = new Int32Array(rows * positions).fill(ignoredLabel)
  for (const [row, tags] of labels.values.entries()) {
    for (const [position, tag] of tags.slice(0, positions).entries()) {
      if (tag !== null) data[row * positions + position] = indexOf(tag, locate, row)
    }
  }
  return { kind, labels: { type: 'int32', dims: [rows, positions], data } }
}

function indexer(
  classes: readonly string[],
): (value: Value, locate: (row: number) => string, row: number) => number {
  const indexes = new Map(classes.map((name, index) => [className(name), index]))
  const numbersAreIndexes = !classes.some(isNumber)
  const known = new Map<Value, number>()
  const find = (value: Value): number | undefined => {
    const name = className(String(value))
    const index = indexes.get(name) ?? (numbersAreIndexes && isNumber(name) ? Number(name) : undefined)
    return index === undefined || index >= classes.length ? undefined : index
  }
  return (value, locate, row) => {
    const index = known.get(value) ?? find(value)
    if (index === undefined) {
      throw new DataError(
        'label-unknown',
        `${locate(row)}: label '${value}' is not ${oneOf(classes.length, 'class')} (${preview(classes)}).`,
      )
    }
    known.set(value, index)
    return index
  }
}
