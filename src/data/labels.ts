import { DataError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** The labels of one file as found there, and how to name a row of it in a message. */
export interface RawLabels {
  readonly values: readonly (string | number | bigint)[]
  /** For example `data.csv, line 7`. */
  readonly locate: (row: number) => string
}

/** Beyond this a number is taken for a mistaken column rather than for a class index. */
const mostNumberedClasses = 100_000

/**
 * Class indexes for the labels of several files (training, test, ...) under one list of classes:
 * - with `classes`: a label is one of these names, or else, where it is a whole number and no name, an index into them;
 * - all labels whole numbers from 0 on: they are the indexes themselves, and the classes are '0' to the largest;
 * - otherwise: the distinct labels as texts, sorted by code point.
 *
 * @throws DataError `label-unknown` when a label is not in `classes`; `label-missing` for an empty label;
 * `label-out-of-range` for a number too large to be a class index.
 */
export function encodeLabels(
  files: readonly RawLabels[],
  classes?: readonly string[],
): { readonly classes: readonly string[]; readonly labels: readonly Tensor<'int32'>[] } {
  let largest = -1
  let numbered = true
  const distinct = new Set<string>()
  for (const { values, locate } of files) {
    for (const [row, value] of values.entries()) {
      const text = String(value)
      if (text.trim() === '') {
        throw new DataError('label-missing', `${locate(row)}: the label is empty; every row needs one.`)
      }
      distinct.add(text)
      if (!/^\d+$/.test(text)) numbered = false
      else if (Number(text) > largest) largest = Number(text)
      if (numbered && largest >= mostNumberedClasses && classes === undefined) {
        throw new DataError(
          'label-out-of-range',
          `${locate(row)}: label ${text}, taken for a class index, would make ${largest + 1} classes. Is this the label's column? If so, list the classes' names.`,
        )
      }
    }
  }
  const names =
    classes ??
    (numbered ? Array.from({ length: largest + 1 }, (_, index) => String(index)) : sorted(distinct))
  const indexes = new Map(names.map((name, index) => [name, index]))
  const labels = files.map(({ values, locate }): Tensor<'int32'> => {
    const data = Int32Array.from(values, (value, row) => {
      const index = indexes.get(String(value)) ?? (/^\d+$/.test(String(value)) ? Number(value) : -1)
      if (index < 0 || index >= names.length) {
        throw new DataError(
          'label-unknown',
          `${locate(row)}: label '${value}' is not one of the ${names.length} classes (${preview(names)}).`,
        )
      }
      return index
    })
    return { type: 'int32', dims: [data.length], data }
  })
  return { classes: names, labels }
}

/** Texts by code point: the same order on every machine, whatever its language. */
export function sorted(texts: Iterable<string>): string[] {
  return [...texts].sort(byCodePoint)
}

// The default order of `sort` is by UTF-16 unit, which puts U+1F600 before U+FF01.
function byCodePoint(a: string, b: string): number {
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
