import { describe, expect, it } from 'vitest'
import { ortNode } from '../engine/ort-node.ts'
import { itemAt } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { featureSums } from './feature-sums.ts'
import { addSums, type FeatureSums, sumsUnder, weighedSums } from './sums.ts'

const engine = ortNode({ threads: 1 })
const CLASSES = 3

function drawn(rows: number, width: number, mean = 0) {
  const features = float32([rows, width])
  randomStream(rows, 'features').fillNormal(features.data, mean, 1)
  return { features, labels: Int32Array.from({ length: rows }, (_, row) => (row * row) % 2) }
}

/** The definition, with one product a row. */
function byHand(features: Tensor<'float32'>, labels: Int32Array): FeatureSums {
  const [, width = 0] = features.dims
  const row = (at: number) => [...features.data.subarray(at * width, (at + 1) * width)]
  const counts = Float64Array.from(
    { length: CLASSES },
    (_, unit) => labels.filter((label) => label === unit).length,
  )
  const sums = new Float64Array(CLASSES * width)
  for (const [at, label] of labels.entries()) {
    for (const [place, value] of row(at).entries())
      sums[label * width + place] = (sums[label * width + place] ?? 0) + value
  }
  const scatter = new Float64Array(width * width)
  for (const [at, label] of labels.entries()) {
    const apart = row(at).map(
      (value, place) => value - itemAt(sums, label * width + place, 'sum') / itemAt(counts, label, 'count'),
    )
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) {
        scatter[i * width + j] = (scatter[i * width + j] ?? 0) + itemAt(apart, i, 'x') * itemAt(apart, j, 'x')
      }
    }
  }
  return { counts, sums, scatter, width }
}

const lower = ({ scatter, width }: FeatureSums): number[] =>
  [...scatter].filter((_, at) => at % width <= Math.floor(at / width))

function expectSame(found: FeatureSums, expected: FeatureSums, digits: number): void {
  expect(found.width).toBe(expected.width)
  expect([...found.counts]).toEqual([...expected.counts])
  expect([...found.sums]).toEqual([...expected.sums].map((value) => expect.closeTo(value, digits)))
  expect(lower(found)).toEqual(lower(expected).map((value) => expect.closeTo(value, digits)))
}

describe('sums of features', () => {
  it('are what their definition says, for rows of several products', async () => {
    const { features, labels } = drawn(2300, 4)
    const found = await featureSums({ engine, features, labels, classes: CLASSES })
    expectSame(found, byHand(features, labels), 2)
  })

  it('lose no digits to a mean that is large beside the spread', async () => {
    const { features, labels } = drawn(1200, 3, 1000)
    const found = await featureSums({ engine, features, labels, classes: CLASSES })
    const [expected, got] = [lower(byHand(features, labels)), lower(found)]
    for (const [at, value] of expected.entries())
      expect(Math.abs(itemAt(got, at, 'cell') - value)).toBeLessThan(0.1)
  })

  it('are those of Relu(f R) where an expansion is given', async () => {
    const { features, labels } = drawn(50, 2)
    const expansion = float32([2, 3], [1, 0, -1, 0, 1, 2])
    const expanded = float32(
      [50, 3],
      [...labels.keys()].flatMap((row) => {
        const [a = 0, b = 0] = features.data.subarray(2 * row, 2 * row + 2)
        return [a, b, 2 * b - a].map((value) => Math.max(0, value))
      }),
    )
    const found = await featureSums({ engine, features, labels, classes: CLASSES, expansion })
    expectSame(found, byHand(expanded, labels), 4)
  })

  it('are zeros of no rows', async () => {
    const none = await featureSums({
      engine,
      features: float32([0, 2]),
      labels: new Int32Array(),
      classes: 2,
    })
    expect(none).toEqual({
      counts: new Float64Array(2),
      sums: new Float64Array(4),
      scatter: new Float64Array(4),
      width: 2,
    })
  })

  it('refuse rows that do not go with the labels, and those that are no numbers', async () => {
    const { features, labels } = drawn(10, 2)
    const asked = { engine, classes: CLASSES, features }
    const refusal = expect.objectContaining({ code: 'features' })
    await expect(featureSums({ ...asked, labels: labels.subarray(1) })).rejects.toThrow(refusal)
    features.data[3] = Number.NaN
    await expect(featureSums({ ...asked, labels })).rejects.toThrow(refusal)
  })
})

describe('sums of several sites', () => {
  it('add up to those of all their rows', async () => {
    const whole = drawn(40, 3)
    const part = (from: number, to: number) =>
      byHand(
        float32([to - from, 3], whole.features.data.subarray(3 * from, 3 * to)),
        whole.labels.subarray(from, to),
      )
    expectSame(addSums(part(0, 13), part(13, 40)), byHand(whole.features, whole.labels), 8)
    expectSame(addSums(part(0, 1), part(1, 40)), byHand(whole.features, whole.labels), 8)
  })

  it('are refused of other features or classes', () => {
    const one = byHand(float32([1, 2]), Int32Array.of(0))
    const refusal = expect.objectContaining({ code: 'sums-mismatch' })
    expect(() => addSums(one, byHand(float32([1, 3]), Int32Array.of(0)))).toThrow(refusal)
    expect(() => addSums(one, sumsUnder(one, [0, 1, 2], 4))).toThrow(refusal)
  })

  it('count as often as they are weighed, as if their rows came so often', () => {
    const { features, labels } = drawn(20, 2)
    const twice = float32([40, 2], [...features.data, ...features.data])
    expectSame(
      weighedSums(byHand(features, labels), 2),
      byHand(twice, Int32Array.of(...labels, ...labels)),
      8,
    )
  })

  it('keep their rows under other places of the classes', () => {
    const { features, labels } = drawn(20, 2)
    const moved = sumsUnder(byHand(features, labels), [3, 0, 1], 4)
    expect([...moved.counts]).toEqual([10, 0, 0, 10])
    expect([...moved.sums.subarray(6)]).toEqual([...byHand(features, labels).sums.subarray(0, 2)])
  })
})
