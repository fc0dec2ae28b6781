import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Cut } from './cut.ts'
import { worthwhileCuts } from './worthwhile.ts'

/** Cuts of a chain of layers: elements and work of each layer, and the values that it hands on. */
function chain(layers: readonly { elements: number; work: number; floats: number }[]): Cut[] {
  const sum = (part: typeof layers, key: 'elements' | 'work') =>
    part.reduce((all, each) => all + each[key], 0)
  return layers.slice(1).map((_, at) => {
    const side = (part: typeof layers) => ({
      parameters: part.flatMap((_layer, index) => [`${index}.weight`, `${index}.bias`]),
      elements: sum(part, 'elements'),
      work: sum(part, 'work'),
    })
    const floats = layers[at]?.floats ?? 0
    return {
      values: [`layer ${at}`],
      types: ['float32'],
      dims: [[floats]],
      floats,
      below: side(layers.slice(0, at + 1)),
      above: side(layers.slice(at + 1)),
    }
  })
}

const names = (cuts: readonly Cut[]) => cuts.map(({ values }) => values[0])

/** A convolutional network: weights grow towards the head, work is even, maps shrink. */
const network = chain([
  { elements: 400, work: 10, floats: 16384 },
  { elements: 4_600, work: 30, floats: 16384 },
  { elements: 14_000, work: 30, floats: 8192 },
  { elements: 57_000, work: 20, floats: 4096 },
  { elements: 74_000, work: 9, floats: 64 },
  { elements: 640, work: 1, floats: 10 },
])

describe('cuts worth trying', () => {
  test('are the last block, about half, and nearly all', () => {
    expect(names(worthwhileCuts(network, { rows: 1500 }))).toEqual(['layer 3', 'layer 2', 'layer 1'])
  })

  test('are one where one does for all shares', () => {
    const even = chain([
      { elements: 10, work: 50, floats: 8 },
      { elements: 100, work: 10, floats: 8 },
      { elements: 10, work: 1, floats: 8 },
    ])
    expect(names(worthwhileCuts(even, { rows: 10 }))).toEqual(['layer 0'])
  })

  test('hold what fits', () => {
    expect(names(worthwhileCuts(network, { rows: 1500, bytes: 1500 * 4096 * 4 }))).toEqual(['layer 3'])
    const halves = worthwhileCuts(network, { rows: 1500, bytes: 1500 * 8192 * 2, bytesPerValue: 2 })
    expect(names(halves)).toEqual(['layer 3', 'layer 2'])
    expect(worthwhileCuts(network, { rows: 1500, bytes: 1000 })).toEqual([])
  })

  test('leave the head to be trained on its features, and do not count an embedding', () => {
    const text = chain([
      { elements: 1_000_000, work: 1, floats: 512 },
      { elements: 1_000, work: 50, floats: 512 },
      { elements: 1_000, work: 50, floats: 16 },
      { elements: 50, work: 1, floats: 4 },
    ])
    expect(names(worthwhileCuts(text, { rows: 100 }))).toEqual(['layer 1'])
    expect(
      worthwhileCuts(
        chain([
          { elements: 9, work: 9, floats: 4 },
          { elements: 2, work: 1, floats: 2 },
        ]),
        { rows: 1 },
      ),
    ).toEqual([])
    expect(worthwhileCuts([], { rows: 1 })).toEqual([])
  })

  test('never take more than is allowed, and go from the head down', () => {
    const layer = fc.record({
      elements: fc.integer({ min: 1, max: 1e6 }),
      work: fc.integer({ min: 1, max: 1e6 }),
      floats: fc.integer({ min: 1, max: 1e5 }),
    })
    fc.assert(
      fc.property(
        fc.array(layer, { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 1e4 }),
        (layers, rows) => {
          const bytes = 2 ** 28
          const found = worthwhileCuts(chain(layers), { rows, bytes })
          expect(found.length).toBeLessThanOrEqual(3)
          for (const { floats } of found) expect(floats * rows * 4).toBeLessThanOrEqual(bytes)
          const work = found.map(({ above }) => above.work)
          expect(work).toEqual([...work].sort((a, b) => a - b))
        },
      ),
    )
  })
})
