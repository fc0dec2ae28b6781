import { expect, test } from 'vitest'
import { classLabels, type Dataset, samples } from '../dataset.ts'
import { fingerprint } from '../fingerprint.ts'
import { syntheticDigits } from './synthetic.ts'

test('says what it is, and holds as many of each digit as it can', () => {
  const { train, test } = syntheticDigits({ train: 205, test: 40, seed: 3 })
  for (const part of [train, test]) {
    expect(part).toMatchObject({
      name: 'synthetic digits',
      synthetic: true,
      preprocessing: { scale: 1 / 255 },
    })
    expect(part.inputs.type).toBe('uint8')
    const counts = new Array<number>(10).fill(0)
    for (const label of classLabels(part)) counts[label] = (counts[label] ?? 0) + 1
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  }
  expect(train.inputs.dims).toEqual([205, 1, 28, 28])
  expect(samples(test)).toBe(40)
})

test('the same seed draws the same, another seed or part does not', () => {
  const prints = [
    syntheticDigits({ train: 20, test: 20, seed: 3 }),
    syntheticDigits({ train: 20, test: 5, seed: 3 }),
  ]
  expect(fingerprint(prints[0]?.train as Dataset)).toBe(fingerprint(prints[1]?.train as Dataset))
  const { train, test } = syntheticDigits({ train: 20, test: 20, seed: 4 })
  expect(new Set([prints[0]?.train, train, test].map((part) => fingerprint(part as Dataset))).size).toBe(3)
})

test('every image has ink and paper, in shades between', () => {
  const { train } = syntheticDigits({ train: 100, test: 1 })
  const pixels = train.inputs.data as Uint8Array
  for (let row = 0; row < 100; row++) {
    const image = pixels.subarray(row * 784, (row + 1) * 784)
    expect(image.filter((value) => value === 0).length).toBeGreaterThan(392)
    expect(image.filter((value) => value > 150).length).toBeGreaterThan(8)
    expect(image.filter((value) => value > 0 && value < 150).length).toBeGreaterThan(8)
  }
})

test('digits can be told apart by their mean images, but not without mistakes', () => {
  const { train, test } = syntheticDigits({ train: 2000, test: 500 })
  const means = Array.from({ length: 10 }, () => new Float64Array(784))
  for (const [row, label] of classLabels(train).entries()) {
    for (let i = 0; i < 784; i++) {
      const mean = means[label]
      if (mean) mean[i] = (mean[i] ?? 0) + Number(train.inputs.data[row * 784 + i]) / 200
    }
  }
  let right = 0
  for (const [row, label] of classLabels(test).entries()) {
    const distances = means.map((mean) =>
      mean.reduce((sum, m, i) => sum + (Number(test.inputs.data[row * 784 + i]) - m) ** 2, 0),
    )
    if (distances.indexOf(Math.min(...distances)) === label) right++
  }
  expect(right / 500).toBeGreaterThan(0.6)
  expect(right / 500).toBeLessThan(0.97)
})

test('a number of images has to be one', () => {
  expect(() => syntheticDigits({ train: 0 })).toThrow('but it is 0')
})
