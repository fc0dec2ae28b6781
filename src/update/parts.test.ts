import { describe, expect, test } from 'vitest'
import { among, blobNames, blobs } from '../../test/blobs.ts'
import {
  asStored,
  concatenate,
  createDataset,
  type Dataset,
  samples,
  subset,
  withPreprocessing,
} from '../data/dataset.ts'
import { rowHashes } from '../data/fingerprint.ts'
import { randomStream } from '../tensor/random.ts'
import { int64 } from '../tensor/tensor.ts'
import { holdOut } from './hold-out.ts'
import { splitHeldOut } from './parts.ts'

const old = blobNames.slice(0, 3)
const all = blobNames.slice(0, 4)
const rows = (classes: readonly string[], perClass: number, seed: number) =>
  among(blobs({ classes, perClass, seed }), all)
const first = rows(old, 60, 1)
/** The same rows, others before, between and behind them. */
const grown = shuffled(concatenate([rows(old, 30, 2), first, rows(['denim'], 40, 3)]), 5)

function shuffled(dataset: Dataset, seed: number): Dataset {
  const order = Int32Array.from({ length: samples(dataset) }, (_, row) => row)
  return subset(dataset, randomStream(seed, 'order').shuffle(order))
}

const split = (oldHeldOut: Dataset) =>
  splitHeldOut({ train: rows(['denim'], 5, 8), heldOut: rows(['denim'], 20, 9), oldHeldOut })
const hashes = (dataset: Dataset | undefined) => new Set(dataset ? rowHashes(dataset) : [])

describe('held-out rows', () => {
  test('that choose go on to choose, and that check go on to check, whatever rows come and in whatever order', () => {
    const [before, after] = [split(first), split(grown)]
    const [choose, check] = [hashes(after.oldChoose), hashes(after.oldCheck)]
    for (const hash of hashes(before.oldChoose)) expect(choose).toContain(hash)
    for (const hash of hashes(before.oldCheck)) expect(check).toContain(hash)
    expect(choose.size + check.size).toBe(samples(grown))
  })

  test('play the part as old rows that they played as new ones', () => {
    const fresh = rows(['denim'], 50, 6)
    const { newChoose } = splitHeldOut({ train: rows(['denim'], 5, 8), heldOut: fresh })
    expect(hashes(split(concatenate([first, fresh])).oldCheck)).not.toEqual(
      expect.arrayContaining([...hashes(newChoose)]),
    )
    for (const hash of hashes(newChoose))
      expect(hashes(split(concatenate([first, fresh])).oldChoose)).toContain(hash)
  })

  test('choose to two fifths, and twins stand on one side', () => {
    const many = rows(old, 400, 4)
    const share = samples(split(many).oldChoose ?? many) / samples(many)
    expect(share).toBeGreaterThan(0.36)
    expect(share).toBeLessThan(0.44)
    const twice = split(concatenate([first, first]))
    expect(samples(twice.oldChoose ?? first)).toBe(2 * samples(split(first).oldChoose ?? first))
  })

  test('are told by what they say, not by how far short texts are filled up', () => {
    const texts = (width: number) =>
      createDataset({
        name: 'texts',
        inputs: int64(
          [50, width],
          Array.from({ length: 50 * width }, (_, at) => (at % width < 3 ? 1 + ((7 * at) % 97) : 0)),
        ),
        labels: { type: 'int32', dims: [50], data: new Int32Array(50) },
        classes: all,
        preprocessing: { ...asStored, pad: 0 },
      })
    // Row r of the wider one says the same only if its first three tokens do.
    const narrow = texts(3)
    const wide = createDataset({
      ...narrow,
      inputs: int64(
        [50, 9],
        Array.from({ length: 450 }, (_, at) =>
          at % 9 < 3 ? Number(narrow.inputs.data[3 * Math.floor(at / 9) + (at % 9)]) : 0,
        ),
      ),
    })
    const labelled = (dataset: Dataset) => {
      const { oldChoose } = split(withPreprocessing(dataset, dataset.preprocessing))
      return Array.from({ length: samples(oldChoose ?? dataset) }, (_, row) =>
        [0, 1, 2]
          .map((at) => Number(oldChoose?.inputs.data[row * (oldChoose.inputs.dims[1] ?? 0) + at]))
          .join(),
      )
    }
    expect(labelled(wide)).toEqual(labelled(narrow))
  })

  test('are on both sides, however few they are', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { oldChoose, oldCheck } = split(subset(rows(old, 2, seed), Int32Array.of(0, 1)))
      expect([samples(oldChoose ?? first), samples(oldCheck ?? first)]).toEqual([1, 1])
    }
  })
})

describe('holding out', () => {
  test('never measures on a row that was trained on when there were fewer', () => {
    const { rest } = holdOut(first, 0.2)
    const later = hashes(holdOut(grown, 0.2).heldOut)
    for (const hash of hashes(rest)) expect(later).not.toContain(hash)
  })

  test('is about the share of each class, one row at least where there are two, and never all', () => {
    const { heldOut } = holdOut(rows(old, 400, 7), 0.2)
    expect(samples(heldOut) / 1200).toBeGreaterThan(0.16)
    expect(samples(heldOut) / 1200).toBeLessThan(0.24)
    for (let seed = 1; seed <= 20; seed++) {
      const few = holdOut(rows(old, 2, seed), 0.5)
      expect([samples(few.rest), samples(few.heldOut)]).toEqual([3, 3])
    }
    expect(samples(holdOut(rows(old, 1, 5), 0.5).heldOut)).toBe(0)
  })

  test('does not decide which of what is held out chooses', () => {
    const { heldOut } = holdOut(rows(old, 400, 7), 0.2)
    const share = samples(split(heldOut).oldChoose ?? heldOut) / samples(heldOut)
    expect(share).toBeGreaterThan(0.3)
    expect(share).toBeLessThan(0.5)
  })
})
