import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { DataError } from '../errors.ts'
import { zeros } from '../tensor/bytes.ts'
import type { DType, Tensor } from '../tensor/tensor.ts'
import { createDataset, type Dataset, subset } from './dataset.ts'
import { fingerprint, rowHashes, rowKeys } from './fingerprint.ts'
import { renumbered } from './renumbered.ts'
import { rowChunks } from './row-chunks.ts'
import { byLength, rowLengths } from './row-lengths.ts'
import { concatenateRows, copyRows, takeRows, withDims } from './rows.ts'
import { openSpill } from './spill-files.ts'
import { sourceOf } from './spilled.ts'
import { gatheredFeeds, inMemory } from './spilled-rows.ts'

const onDisk = openSpill(0)
afterAll(() => onDisk.close())

const types = ['uint8', 'float32', 'int64', 'float16'] as const satisfies readonly DType[]
type Numeric = (typeof types)[number]

function tensorOf(type: Numeric, rows: number, width: number, first: number): Tensor<Numeric> {
  const made = zeros(type, [rows, width])
  const data = made.data as { [at: number]: number | bigint; readonly length: number }
  for (let at = 0; at < data.length; at++)
    data[at] = type === 'int64' ? BigInt(first + at) : (first + at) % 251
  return made
}

const pieces = fc.record({
  type: fc.constantFrom(...types),
  width: fc.constantFrom(1, 3, 20),
  parts: fc.array(fc.record({ rows: fc.integer({ min: 1, max: 9 }), spilled: fc.boolean() }), {
    minLength: 1,
    maxLength: 5,
  }),
})

/** The same rows in memory, and with some of the parts on disk. */
function bothWays({ type, width, parts }: typeof pieces extends fc.Arbitrary<infer T> ? T : never) {
  const plain = parts.map(({ rows }, at) => tensorOf(type, rows, width, 40 * at))
  const some = plain.map((part, at) => (parts[at]?.spilled ? onDisk.keep(part) : part))
  return { memory: concatenateRows(plain), mixed: concatenateRows(some) }
}

describe('rows on disk', () => {
  it('are taken, joined, picked and hashed as those in memory are', () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { minLength: 1, maxLength: 30 }), (asked, draws) => {
        const { memory, mixed } = bothWays(asked)
        const count = memory.dims[0] ?? 0
        const rows = Int32Array.from(draws, (draw) => draw % count)
        expect(takeRows(mixed, rows)).toEqual(takeRows(memory, rows))
        expect(inMemory(mixed)).toEqual(memory)
        expect(rowHashes({ inputs: mixed })).toEqual(rowHashes({ inputs: memory }))
        const [here, there] = [memory, mixed].map((inputs) => datasetOf(inputs))
        if (!here || !there) throw new Error('both are there')
        expect(fingerprint(there)).toBe(fingerprint(here))
        expect(rowKeys(there)).toEqual(rowKeys(here))
        const [picked, other] = [subset(here, rows), subset(there, rows)]
        expect(inMemory(other.inputs)).toEqual(picked.inputs)
        // Of what was picked some is picked again.
        const again = Int32Array.from([rows.length - 1, 0])
        expect(takeRows(subset(other, again).inputs, Int32Array.of(1, 0))).toEqual(
          takeRows(memory, Int32Array.of(rows[0] ?? 0, rows.at(-1) ?? 0)),
        )
      }),
    )
  })

  it('are copied behind others', () => {
    const rows = tensorOf('float32', 4, 3, 1)
    const target = zeros('float32', [5, 3])
    copyRows(onDisk.keep(rows), Int32Array.of(3, 0), target, 2)
    expect([...target.data]).toEqual([0, 0, 0, 0, 0, 0, 10, 11, 12, 1, 2, 3, 0, 0, 0])
  })

  it('are fed to a graph alone, with the numbers that they have there', () => {
    const dataset = datasetOf(onDisk.keep(tensorOf('uint8', 6, 2, 0)))
    const rows = { type: 'int32', dims: [2, 2], data: Int32Array.of(5, 1, 1, 0) } as const
    const fed = new Map(gatheredFeeds(dataset, rows))
    expect(fed.get('inputs')?.data).toEqual(Uint8Array.of(10, 11, 2, 3, 2, 3, 0, 1))
    expect(fed.get('labels')?.data).toEqual(Int32Array.of(1, 1, 1, 0))
    expect(fed.get('rows')).toEqual({ type: 'int32', dims: [2, 2], data: Int32Array.of(0, 1, 2, 3) })
  })

  it('keep other dims of a row', () => {
    const turned = withDims(onDisk.keep(tensorOf('uint8', 2, 4, 0)), [2, 2, 2])
    expect(inMemory(turned)).toEqual({
      type: 'uint8',
      dims: [2, 2, 2],
      data: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7),
    })
  })

  it('stay those that were picked when the places are written over', () => {
    const places = Int32Array.of(2, 1)
    const picked = subset(datasetOf(onDisk.keep(tensorOf('uint8', 3, 2, 0))), places)
    places.fill(0)
    expect(inMemory(picked.inputs).data).toEqual(Uint8Array.of(4, 5, 2, 3))
  })

  it('come in pieces of bounded size', () => {
    const wide = onDisk.keep(zeros('uint8', [5, 2 ** 23]))
    expect([...rowChunks(wide)].map(({ from, rows }) => [from, rows.dims[0]])).toEqual([
      [0, 2],
      [2, 2],
      [4, 1],
    ])
  })

  it('refuse to be had all at once, and say the way out', () => {
    const kept = onDisk.keep(tensorOf('float32', 4, 3, 1))
    expect(() => kept.data).toThrow(DataError)
    expect(() => kept.data).toThrow(/float32 \[4, 3\].*on disk.*Raise the limit \(maxBytes\)/)
  })

  it('are labels, too: checked, renumbered and cut like those in memory', () => {
    const ids = tensorOf('int64', 6, 20, 0)
    const labels = Int32Array.from({ length: 120 }, (_, at) =>
      at % 20 > 2 * Math.floor(at / 20) ? -100 : at % 3,
    )
    const plain = { type: 'int32', dims: [6, 20], data: labels } as const
    const form = { name: 'tokens', kind: 'token-classification', causal: true } as const
    const tokens = (own: Tensor<'int32'>, classes: readonly string[]) =>
      createDataset({ ...form, inputs: onDisk.keep(ids), labels: onDisk.keep(own), classes })
    const here = createDataset({ ...form, inputs: ids, labels: plain, classes: ['a', 'b', 'c'] })
    const there = tokens(plain, ['a', 'b', 'c'])
    expect(fingerprint(there)).toBe(fingerprint(here))
    expect(rowLengths(there)).toEqual(rowLengths(here))
    const shown = (dataset: Dataset) =>
      byLength(dataset).map(({ rows, dataset: own }) => [
        rows,
        inMemory(own.inputs),
        inMemory(own.labels as Tensor),
      ])
    expect(shown(there)).toEqual(shown(here))
    const moved = [here, there].map(({ labels: own }) => renumbered(own as Tensor<'int32'>, [2, 0, 1]))
    expect(moved.map((own) => inMemory(own))).toEqual([0, 1].map(() => renumbered(plain, [2, 0, 1])))
    expect(renumbered(there.labels as Tensor<'int32'>, [0, 1, 2])).toBe(there.labels)
    expect(() => tokens({ ...plain, data: labels.with(22, 7) }, ['a', 'b', 'c'])).toThrow(
      /row 1, position 2: label 7 is not one of the 3 classes/,
    )
    const rows = { type: 'int32', dims: [1, 2], data: Int32Array.of(4, 2) } as const
    expect(new Map(gatheredFeeds({ ...there, inputs: ids }, rows)).get('labels')).toEqual(
      takeRows(plain, Int32Array.of(4, 2)),
    )
  })

  it('refuse rows that there are not', () => {
    const kept = onDisk.keep(tensorOf('uint8', 3, 2, 0))
    expect(() => takeRows(kept, Int32Array.of(3))).toThrow(/row 3/)
    expect(() => subset(datasetOf(kept), Int32Array.of(-1))).toThrow(/row -1/)
  })
})

describe('a limit of memory', () => {
  it('counts all that goes through it, and puts on disk what is more', () => {
    const spill = openSpill(25)
    const first = spill.keep(tensorOf('uint8', 2, 10, 0))
    const second = spill.keep(tensorOf('uint8', 1, 10, 0))
    const third = spill.keep(tensorOf('uint8', 1, 5, 0))
    expect([first, second, third].map((rows) => sourceOf(rows) !== undefined)).toEqual([false, true, false])
    expect(spill.spilled()).toBe(10)
    spill.close()
  })
})

const datasetOf = (inputs: Tensor) =>
  createDataset({
    name: 'rows',
    inputs,
    labels: {
      type: 'int32',
      dims: [inputs.dims[0] ?? 0],
      data: Int32Array.from({ length: inputs.dims[0] ?? 0 }, (_, row) => row % 2),
    },
    classes: ['even', 'odd'],
  })
