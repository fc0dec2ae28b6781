import { describe, expect, it } from 'vitest'
import { type Initialisation, initialise } from './initialise.ts'

const dims = [64, 32, 3, 3]
const fanIn = 32 * 9
const fanOut = 64 * 9
const drawn = (initialisation: Initialisation, seed = 1): Float32Array =>
  initialise({ name: 'weight', dims, initialisation }, seed).data

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length
const moment = (values: Float32Array, order: number): number => {
  const centre = mean(values)
  return values.reduce((sum, value) => sum + (value - centre) ** order, 0) / values.length
}
const deviation = (values: Float32Array): number => Math.sqrt(moment(values, 2))
const kurtosis = (values: Float32Array): number => moment(values, 4) / moment(values, 2) ** 2

// 18432 values: a standard error of 0.5 % for the deviation, 0.04 for a normal's kurtosis.
describe('initialise', () => {
  it.each<[Initialisation, number]>([
    ['kaiming-uniform', 1 / Math.sqrt(fanIn)],
    ['bias-uniform', 1 / Math.sqrt(fanIn)],
    ['xavier-uniform', Math.sqrt(6 / (fanIn + fanOut))],
  ])('draws %s evenly within its bound', (initialisation, bound) => {
    const values = drawn(initialisation)
    expect(Math.max(...values)).toBeLessThanOrEqual(bound)
    expect(Math.max(...values)).toBeGreaterThan(0.999 * bound)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-bound)
    expect(deviation(values) / (bound / Math.sqrt(3))).toBeCloseTo(1, 1)
    expect(Math.abs(mean(values))).toBeLessThan(0.02 * bound)
    expect(kurtosis(values)).toBeCloseTo(1.8, 1)
  })

  it.each<[Initialisation, number]>([
    ['kaiming-normal', Math.sqrt(2 / fanOut)],
    ['xavier-normal', Math.sqrt(2 / (fanIn + fanOut))],
    ['normal', 1],
  ])('draws %s with its deviation', (initialisation, expected) => {
    const values = drawn(initialisation)
    expect(Math.abs(deviation(values) / expected - 1)).toBeLessThan(0.02)
    expect(Math.abs(mean(values))).toBeLessThan(0.03 * expected)
    expect(Math.abs(kurtosis(values) - 3)).toBeLessThan(0.2)
  })

  it('cuts trunc-normal off at two standard deviations', () => {
    const values = drawn('trunc-normal')
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.04))
    // The deviation of a standard normal cut off at 2 is 0.8796.
    expect(Math.abs(deviation(values) / (0.02 * 0.8796) - 1)).toBeLessThan(0.02)
  })

  it('fills with zeros and ones', () => {
    expect(new Set(drawn('zeros'))).toEqual(new Set([0]))
    expect(new Set(drawn('ones'))).toEqual(new Set([1]))
  })

  it('draws the same for the same seed and name, and different for others', () => {
    const plan = { dims: [4, 4], initialisation: 'normal' } as const
    const first = initialise({ name: 'a', ...plan }, 7)
    expect(initialise({ name: 'a', ...plan }, 7)).toEqual(first)
    expect(initialise({ name: 'a', ...plan }, 8).data).not.toEqual(first.data)
    expect(initialise({ name: 'b', ...plan }, 7).data).not.toEqual(first.data)
  })

  it('bounds a bias by the fan-in of its weight, and refuses one without', () => {
    const bias = { name: 'fc.bias', dims: [1000], initialisation: 'bias-uniform' } as const
    const values = initialise({ ...bias, fanIn: 100 }, 1).data
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.1))
    expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.099)
    expect(() => initialise(bias, 1)).toThrow(expect.objectContaining({ code: 'fan' }))
  })
})
