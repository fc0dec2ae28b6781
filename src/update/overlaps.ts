import type { Dataset } from '../data/dataset.ts'
import { rowHashes } from '../data/fingerprint.ts'
import type { UpdateData } from './parts.ts'

export interface OverlapFact {
  readonly parts: readonly [string, string]
  readonly rows: number
  /** Those of them whose classes differ. */
  readonly conflicting: number
}

/** Rows that stand in two parts of the data, or twice among those to train on. */
export function overlapsIn(data: UpdateData): {
  readonly duplicates: number
  readonly overlaps: readonly OverlapFact[]
} {
  const train = hashed('new training rows', data.train)
  const exemplars = data.exemplars && hashed('old exemplars', data.exemplars)
  const held = [data.heldOut, data.check].flatMap((part) => (part ? hashed('new held-out rows', part) : []))
  const oldHeld = data.oldHeldOut ? [hashed('old held-out rows', data.oldHeldOut)] : []
  const overlaps = [
    ...held.map((part) => inCommon(part, train)),
    ...oldHeld.map((part) => inCommon(part, train)),
    ...(data.oldActivations?.inCommon
      ? [aboveInCommon(data.oldActivations.inCommon(data.train), 'new training rows')]
      : []),
    ...(exemplars ? [inCommon(train, exemplars), ...oldHeld.map((part) => inCommon(part, exemplars))] : []),
  ].filter(({ rows }) => rows > 0)
  return { duplicates: train.hashes.length - new Set(train.hashes).size, overlaps }
}

interface Hashed {
  readonly name: string
  readonly hashes: readonly string[]
  readonly labels: Dataset['labels']['data']
}

const hashed = (name: string, dataset: Dataset): Hashed => ({
  name,
  hashes: rowHashes(dataset),
  labels: dataset.labels.data,
})

/** Inputs of `a` that stand in `b`, too; labels are units of one model in both. */
function inCommon(a: Hashed, b: Hashed): OverlapFact {
  const places = new Map(b.hashes.map((hash, row) => [hash, row]))
  const pairs = a.hashes.flatMap((hash, row): [number, number][] => {
    const other = places.get(hash)
    return other === undefined ? [] : [[row, other]]
  })
  const conflicting = pairs.filter(([row, other]) => a.labels[row] !== b.labels[other]).length
  return { parts: [a.name, b.name], rows: pairs.length, conflicting }
}

/** New rows that stand among held-out activations, of which the classes are not compared. */
const aboveInCommon = (rows: number, other: string): OverlapFact => ({
  parts: ['old held-out rows', other],
  rows,
  conflicting: 0,
})

/**
 * The warning of rows that a model is judged by and trained on; none where no row is both.
 *
 * @param labelled Whether labels are the data's own.
 */
export function trainedOnWarning(train: Dataset, heldOut: Dataset, labelled: boolean): string[] {
  const found = inCommon(hashed('held-out rows', heldOut), hashed('training rows', train))
  if (found.rows === 0) return []
  return overlapWarning(labelled ? found : { ...found, conflicting: 0 })
}

export function overlapWarning({ parts: [first, second], rows, conflicting }: OverlapFact): string[] {
  const many = rows === 1 ? '1 input stands' : `${rows.toLocaleString('en-US')} inputs stand`
  const differing =
    conflicting > 0 ? `, ${conflicting.toLocaleString('en-US')} of them under another class` : ''
  const measured = first.includes('held-out')
  if (!measured && conflicting === 0) return []
  return [
    `${many} both among the ${first} and the ${second}${differing}. ${measured ? 'What is measured on them looks better than it is: take them out of one of the two.' : 'They pull the model both ways: correct the labels.'}`,
  ]
}
