import { expect, test } from 'vitest'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { createDataset, type Dataset, subset } from '../dataset.ts'
import { chooseBalanced, herding, reservoir, resumeReservoir } from './sampling.ts'

function dataset(labels: number[], classes = ['a', 'b', 'c']): Dataset {
  return createDataset({
    name: 'points',
    inputs: float32(
      [labels.length, 2],
      labels.flatMap((_, row) => [row, 10 * row]),
    ),
    labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    classes,
  })
}

test('a reservoir keeps every item of the stream with the same probability', () => {
  const capacity = 10
  const stream = 50
  const trials = 4000
  const random = randomStream(1, 'reservoir')
  const counts = new Array<number>(stream).fill(0)
  for (let trial = 0; trial < trials; trial++) {
    const keep = reservoir(capacity, random)
    const slots = new Map<number, number>()
    for (let item = 0; item < stream; item++) {
      const slot = keep.offer()
      if (slot !== undefined) slots.set(slot, item)
    }
    expect(slots.size).toBe(capacity)
    for (const item of slots.values()) counts[item] = (counts[item] ?? 0) + 1
  }
  // Chi-squared with 49 degrees of freedom, shrunk by 1 - 10/50 as items are drawn without replacement: 85.4 is passed
  // once in a thousand.
  const expected = (trials * capacity) / stream
  const chiSquared = counts.reduce(
    (sum, count) => sum + (count - expected) ** 2 / (expected * (1 - capacity / stream)),
    0,
  )
  expect(chiSquared * ((stream - 1) / stream)).toBeLessThan(85.4)
})

test('a reservoir changes over the whole stream, and resumes exactly', () => {
  const keep = reservoir(5, randomStream(1, 'r'))
  for (let item = 0; item < 5; item++) expect(keep.offer()).toBe(item)
  for (let item = 5; item < 40; item++) keep.offer()
  const resumed = resumeReservoir(JSON.parse(JSON.stringify(keep.state())))
  const offers = (one: typeof keep) => Array.from({ length: 200 }, () => one.offer())
  const late = offers(keep)
  expect(offers(resumed)).toEqual(late)
  expect(new Set(late).size).toBeGreaterThan(3)
  expect(keep.seen).toBe(240)
  expect(reservoir(0, randomStream(1, 'r')).offer()).toBeUndefined()
  expect(() => resumeReservoir({ ...keep.state(), seen: -1 })).toThrow('seen -1')
})

test('a balanced choice takes the same number of each class, without repeats', () => {
  const source = dataset([2, 0, 0, 2, 0, 2, 1, 2])
  const chosen = chooseBalanced(source, 2, randomStream(1, 'c'))
  expect(Array.from(subset(source, chosen).labels.data)).toEqual([0, 0, 1, 2, 2])
  expect(new Set(chosen).size).toBe(5)
  expect(chooseBalanced(source, 2, randomStream(2, 'c'))).not.toEqual(chosen)
  expect(() => chooseBalanced(source, 0, randomStream(1, 'c'))).toThrow('but it is 0')
})

test('herding takes first what is nearest to the mean, then what keeps the mean', () => {
  const angles = [0, 40, 50, 90, 45]
  const features = float32(
    [5, 2],
    angles.flatMap((angle) => [3 * Math.cos((angle * Math.PI) / 180), 3 * Math.sin((angle * Math.PI) / 180)]),
  )
  const labels = Int32Array.of(1, 1, 1, 1, 1)
  expect(Array.from(herding(features, labels, 1))).toEqual([4])
  const three = Array.from(herding(features, labels, 3))
  expect(three[0]).toBe(4)
  expect(three.length).toBe(3)
  expect(Array.from(herding(features, labels, 2))).toEqual(three.slice(0, 2))
  expect(
    Array.from(herding(features, Int32Array.of(1, 0, 0, 1, 1), 9))
      .slice(0, 2)
      .toSorted(),
  ).toEqual([1, 2])
  const broken: Tensor<'float32'> = float32([1, 1], [Number.NaN])
  expect(() => herding(broken, Int32Array.of(0), 1)).toThrow('Row 0 of the features is not finite')
  expect(() => herding(features, Int32Array.of(0), 1)).toThrow('float32 [1, D]')
})
