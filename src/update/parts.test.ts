import { describe, expect, test } from 'vitest'
import { among, blobNames, blobs } from '../../test/blobs.ts'
import {
  asStored,
  classLabels,
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
import { assignRows } from './parts.ts'

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

const fresh = { train: rows(['denim'], 5, 8), heldOut: rows(['denim'], 20, 9) }
const parts = (exemplars: Dataset) => assignRows({ ...fresh, exemplars, oldHeldOut: first })
const hashes = (dataset: Dataset | undefined) => new Set(dataset ? rowHashes(dataset) : [])

describe('old rows', () => {
  test('that are held out prove, all of them, and nothing else does', () => {
    expect(parts(rows(old, 60, 2)).proof).toMatchObject({ inputs: first, labels: classLabels(first) })
    expect(assignRows(fresh).proof).toBeUndefined()
    expect(assignRows({ ...fresh, oldHeldOut: subset(first, new Int32Array()) }).proof).toBeUndefined()
  })

  test('to rehearse order candidates, a fifth of them, and these are not rehearsed', () => {
    const many = rows(old, 400, 4)
    const { exemplars, order, proof } = parts(many)
    expect(samples(order ?? many) / samples(many)).toBeGreaterThan(0.16)
    expect(samples(order ?? many) / samples(many)).toBeLessThan(0.24)
    const both = [...hashes(exemplars), ...hashes(order)]
    expect(both.sort()).toEqual([...hashes(many)].sort())
    for (const hash of hashes(order)) expect(hashes(proof?.inputs)).not.toContain(hash)
  })

  test('are rehearsed as often as training draws them, each class alike, however many there are', () => {
    const many = concatenate([rows(old.slice(0, 1), 9000, 14), rows(old.slice(1), 4000, 15)])
    const { exemplars, order } = parts(many)
    const labels = exemplars ? classLabels(exemplars) : new Int32Array()
    expect([0, 1, 2].map((unit) => labels.filter((label) => label === unit).length)).toEqual([
      2666, 2666, 2666,
    ])
    expect(samples(order ?? many)).toBeGreaterThan(1800)
    expect(samples(order ?? many)).toBeLessThan(2200)
    const more = assignRows({ ...fresh, train: rows(['denim'], 1500, 8), exemplars: many, oldHeldOut: first })
    expect(samples(more.exemplars ?? many)).toBeGreaterThan(11_000)
  })

  test('order where nothing is rehearsed: a tenth of those that are held out, if there are many', () => {
    const many = rows(old, 300, 6)
    const answers = Int32Array.from({ length: samples(many) }, (_, row) => row % 3)
    const { order, proof } = assignRows({ ...fresh, oldHeldOut: many, first: { name: 'one', answers } })
    expect(samples(order ?? many) / samples(many)).toBeGreaterThan(0.06)
    expect(samples(order ?? many) / samples(many)).toBeLessThan(0.14)
    const both = [...hashes(order), ...hashes(proof?.inputs)]
    expect(both.sort()).toEqual([...hashes(many)].sort())
    // What the first release answered goes with the rows.
    const of = new Map(rowHashes(many).map((hash, row) => [hash, answers[row]]))
    expect([...(proof?.first ?? [])]).toEqual(rowHashes(proof?.inputs ?? many).map((hash) => of.get(hash)))
    const few = subset(
      many,
      Int32Array.from({ length: 499 }, (_, row) => row),
    )
    expect(assignRows({ ...fresh, oldHeldOut: few })).toMatchObject({ order: undefined })
  })

  test('that order go on to order, whatever rows come and in whatever order', () => {
    const [before, after] = [parts(first), parts(grown)]
    for (const hash of hashes(before.order)) expect(hashes(after.order)).toContain(hash)
    for (const hash of hashes(before.exemplars)) expect(hashes(after.exemplars)).toContain(hash)
  })

  test('of one kind stand on one side, and few do both', () => {
    const twice = parts(concatenate([first, first]))
    expect(samples(twice.order ?? first)).toBe(2 * samples(parts(first).order ?? first))
    const few = rows(old, 16, 5)
    expect(parts(few)).toMatchObject({ exemplars: few, order: few })
  })

  test('that are given for the order are taken as they are', () => {
    const [exemplars, oldOrder] = [rows(old, 60, 2), rows(old, 30, 3)]
    expect(assignRows({ ...fresh, exemplars, oldOrder, oldHeldOut: first })).toMatchObject({
      exemplars,
      order: oldOrder,
      proof: { inputs: first },
    })
  })

  test('are told by what they say, not by how far short texts are filled up', () => {
    const texts = (width: number, tokens?: Dataset) =>
      createDataset({
        name: 'texts',
        inputs: int64(
          [80, width],
          Array.from({ length: 80 * width }, (_, at) => {
            const [row, place] = [Math.floor(at / width), at % width]
            if (place >= 3) return 0
            return tokens ? Number(tokens.inputs.data[3 * row + place]) : 1 + ((7 * at) % 97)
          }),
        ),
        labels: { type: 'int32', dims: [80], data: new Int32Array(80) },
        classes: all,
        preprocessing: { ...asStored, pad: 0 },
      })
    const narrow = texts(3)
    const said = (dataset: Dataset) => {
      const { order = dataset } = parts(withPreprocessing(dataset, dataset.preprocessing))
      const width = order.inputs.dims[1] ?? 0
      return Array.from({ length: samples(order) }, (_, row) =>
        [0, 1, 2].map((at) => Number(order.inputs.data[row * width + at])).join(),
      )
    }
    expect(said(narrow).length).toBeLessThan(80)
    expect(said(texts(9, narrow))).toEqual(said(narrow))
  })
})

describe('new rows', () => {
  test('that are held out choose and measure, unless others to measure on are given', () => {
    expect(assignRows(fresh)).toMatchObject({ choose: fresh.heldOut, check: fresh.heldOut })
    const check = rows(['denim'], 7, 10)
    expect(assignRows({ ...fresh, check })).toMatchObject({ choose: fresh.heldOut, check })
  })

  test('are needed to train on and to measure on', () => {
    const none = subset(first, new Int32Array())
    for (const part of ['train', 'heldOut'] as const)
      expect(() => assignRows({ ...fresh, [part]: none })).toThrow('has none')
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

  test('does not decide which of what is rehearsed orders', () => {
    const { rest } = holdOut(rows(old, 400, 7), 0.2)
    const { order = rest } = parts(rest)
    expect(samples(order) / samples(rest)).toBeGreaterThan(0.16)
    expect(samples(order) / samples(rest)).toBeLessThan(0.24)
  })
})
