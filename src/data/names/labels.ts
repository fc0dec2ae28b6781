import { DataError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type DatasetKind, ignoredLabel } from '../dataset.ts'

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

/** Beyond this a number is taken for a mistaken column rather than for a class index. */
const mostNumberedClasses = 100_000

const isWhole = (text: string): boolean => /^\d+$/.test(text)

/** The distinct labels of files that come one after another. */
export interface ClassCollector {
  /** @throws DataError `label-missing`, `label-out-of-range`, `data-mismatch`. */
  readonly add: (labels: RawLabels) => void
  /**
   * The classes of all that was added: as the files name them; else, where all labels are whole numbers, '0' to the largest; else
   * the labels sorted by code point.
   */
  readonly classes: () => readonly string[]
  /** Whether the classes are settled, by the caller or by a file that names them. */
  readonly named: () => boolean
}

/**
 * Collects the classes of data that are read part by part.
 *
 * @param known The classes where they are known: then labels are only checked not to be empty.
 */
export function collectClasses(known?: readonly string[]): ClassCollector {
  let names: readonly string[] | undefined
  let largest = -1
  let numbered = true
  const distinct = new Set<string>()
  const take = (value: Value, place: string): void => {
    const text = String(value)
    if (text.trim() === '') {
      throw new DataError('label-missing', `${place}: the label is empty; every row needs one.`)
    }
    if (known || distinct.has(text)) return
    distinct.add(text)
    if (!isWhole(text)) numbered = false
    else if (Number(text) > largest) largest = Number(text)
    if (numbered && largest >= mostNumberedClasses && names === undefined) {
      throw new DataError(
        'label-out-of-range',
        `${place}: label ${text}, taken for a class index, would make ${largest + 1} classes. Is this the label's column? If so, list the classes' names.`,
      )
    }
  }
  return {
    add(labels) {
      if (labels.names && names && JSON.stringify(labels.names) !== JSON.stringify(names)) {
        throw new DataError(
          'data-mismatch',
          `${labels.locate(0)}: this file names its classes ${preview(labels.names)}, but a file before it ${preview(names)}.`,
        )
      }
      names ??= labels.names
      for (const [row, value] of labels.values.entries()) {
        if (typeof value !== 'object') take(value, labels.locate(row))
        else for (const entry of value) if (entry !== null) take(entry, labels.locate(row))
      }
    },
    named: () => known !== undefined || names !== undefined,
    classes: () =>
      known ??
      names ??
      (numbered ? Array.from({ length: largest + 1 }, (_, index) => String(index)) : sorted(distinct)),
  }
}

/**
 * Labels as a data set holds them: a label is one of the classes' names, or else, where it is a whole number and none of the names is
 * one, an index into them.
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
  const indexes = new Map(classes.map((name, index) => [name, index]))
  const numbersAreIndexes = !classes.some(isWhole)
  return (value, locate, row) => {
    const text = String(value)
    const index = indexes.get(text) ?? (numbersAreIndexes && isWhole(text) ? Number(text) : -1)
    if (index < 0 || index >= classes.length) {
      throw new DataError(
        'label-unknown',
        `${locate(row)}: label '${text}' is not one of the ${classes.length} classes (${preview(classes)}).`,
      )
    }
    return index
  }
}

/** Texts by code point: the same order on every machine, whatever its language. */
export function sorted(texts: Iterable<string>): string[] {
  return [...texts].sort(byCodePoint)
}

// The default order of `sort` is by UTF-16 unit, which puts U+1F600 before U+FF01.
export function byCodePoint(a: string, b: string): number {
  const left = a[Symbol.iterator]()
  const right = b[Symbol.iterator]()
  for (;;) {
    const x = left.next().value
    const y = right.next().value
    if (x === undefined || y === undefined) return (x === undefined ? 0 : 1) - (y === undefined ? 0 : 1)
    const difference = (x.codePointAt(0) ?? 0) - (y.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
}

export function preview(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')}, ...`
}
