import { samples } from '../../data/dataset.ts'
import { readToLabels, roundedLength, rowLengths } from '../../data/row-lengths.ts'
import type { BatchSource } from '../../methods/source.ts'
import { statedLength } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, present } from '../../required.ts'

/** In which lengths the steps of a task read rows of texts. */
export interface StepLengths {
  /** Tokens, ascending; each is a graph of its own. */
  readonly lengths: readonly number[]
  /** Which of them a row of the pool needs, int32 [rows]. */
  readonly needs: Int32Array
  /** What steps read, as a share of what they would if all were as long as the longest: 0..1. */
  readonly share: number
}

/** Graphs at most: each is built, and holds memory of its own. */
const MOST_LENGTHS = 3

/** A graph more has to save this share of what is left to read. */
const WORTH = 0.15

/**
 * The lengths that save most tokens, where rows are those of a causal model and differ so much that it is worth it; undefined where all steps
 * read whole rows. They follow from the rows alone.
 */
export function stepLengths(model: Model, sources: readonly BatchSource[]): StepLengths | undefined {
  if (statedLength(model) !== undefined) return undefined
  if (!sources.every(({ dataset }) => readToLabels(dataset))) return undefined
  const [, whole = 0] = present(sources[0], 'source of rows').dataset.labels.dims
  const each = sources.map(({ dataset, size }) => ({
    weight: size / samples(dataset),
    read: rowLengths(dataset).map((length) => Math.min(whole, roundedLength(length))),
  }))
  const found = new Map<number, number>()
  for (const { weight, read } of each)
    for (const length of read) found.set(length, (found.get(length) ?? 0) + weight)
  const lengths = worthwhile(
    [...found].map(([length, weight]) => ({ length, weight })).sort((a, b) => a.length - b.length),
    whole,
  )
  if (lengths.length === 1 && lengths[0] === whole) return undefined
  const longest = present(lengths.at(-1), 'length')
  const needs = new Int32Array(each.reduce((sum, { read }) => sum + read.length, 0))
  let [row, width, all] = [0, 0, 0]
  for (const { weight, read } of each) {
    for (const length of read) {
      const need = lengths.findIndex((one) => one >= length)
      needs[row++] = need
      width += weight
      all += weight * itemAt(lengths, need, 'length')
    }
  }
  return { lengths, needs, share: all / (width * longest) }
}

interface Weighed {
  readonly length: number
  readonly weight: number
}

/** As few lengths as are worth it; `whole` alone where none is. Lengths are found in ascending order. */
function worthwhile(found: readonly Weighed[], whole: number): readonly number[] {
  const read = (lengths: readonly number[]): number =>
    found.reduce((sum, { length, weight }) => {
      return (
        sum +
        weight *
          present(
            lengths.find((each) => each >= length),
            'length of a row',
          )
      )
    }, 0)
  let best: readonly number[] = [whole]
  for (let count = 1; count <= MOST_LENGTHS; count++) {
    const [least] = choices(found, count).sort((a, b) => read(a) - read(b))
    if (least && read(least) <= (1 - WORTH) * read(best)) best = least
  }
  return best
}

/** So many lengths, the longest among them, in each way that there is. */
function choices(found: readonly Weighed[], count: number): (readonly number[])[] {
  const [longest, ...others] = found.map(({ length }) => length).reverse()
  const pick = (from: readonly number[], many: number): number[][] =>
    many === 0
      ? [[]]
      : from.flatMap((length, at) => pick(from.slice(at + 1), many - 1).map((more) => [...more, length]))
  return longest === undefined ? [] : pick(others, count - 1).map((more) => [...more, longest])
}
