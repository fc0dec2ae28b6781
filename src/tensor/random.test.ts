import { describe, expect, it } from 'vitest'
import { randomStream, resumeStream } from './random.ts'

const draws = (seed: number, name: string, count = 8): number[] => {
  const stream = randomStream(seed, name)
  return Array.from({ length: count }, () => stream.uniform())
}

describe('randomStream', () => {
  it('gives the same numbers for the same seed and name, other numbers otherwise', () => {
    expect(draws(1, 'batches')).toEqual(draws(1, 'batches'))
    const starts = new Set<number>()
    for (let seed = -50; seed < 50; seed++) {
      for (const name of ['batches', 'dropout', 'batches2', '']) starts.add(draws(seed, name, 1)[0] ?? 0)
    }
    expect(starts.size).toBe(400)
  })

  it('keeps its numbers from release to release', () => {
    expect(draws(1, 'batches', 3)).toMatchInlineSnapshot(`
      [
        0.8581403158275492,
        0.6914784357502219,
        0.6022707434523334,
      ]
    `)
    expect(Array.from(randomStream(1, 'batches').permutation(8))).toMatchInlineSnapshot(`
      [
        0,
        2,
        7,
        1,
        5,
        4,
        6,
        3,
      ]
    `)
  })

  it('has streams of neighbouring seeds uncorrelated', () => {
    const [a, b] = [draws(1, 'x', 20_000), draws(2, 'x', 20_000)]
    const covariance =
      a.reduce((sum, value, index) => sum + (value - 0.5) * ((b[index] ?? 0) - 0.5), 0) / a.length
    expect(Math.abs(covariance * 12)).toBeLessThan(0.03)
  })

  it('draws uniform numbers in [0, 1) with mean and variance of the uniform distribution', () => {
    const values = draws(3, 'uniform', 100_000)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    expect(Math.min(...values.slice(0, 10_000))).toBeGreaterThanOrEqual(0)
    expect(values.every((value) => value < 1)).toBe(true)
    expect(mean).toBeCloseTo(0.5, 2)
    expect(variance).toBeCloseTo(1 / 12, 3)
  })

  it('draws integers without bias, also where the range is no power of two', () => {
    const stream = randomStream(4, 'integers')
    const counts = new Array<number>(7).fill(0)
    for (let index = 0; index < 70_000; index++) {
      const value = stream.integer(7)
      counts[value] = (counts[value] ?? 0) + 1
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
    // The 99.9 % quantile of chi-square with 6 degrees of freedom.
    expect(chiSquare).toBeLessThan(22.5)
    expect(stream.integer(1)).toBe(0)
    expect(stream.integer(2 ** 32)).toBeLessThan(2 ** 32)
    for (const below of [0, 1.5, 2 ** 33, Number.NaN]) {
      expect(() => stream.integer(below)).toThrow(expect.objectContaining({ code: 'random-range' }))
    }
  })

  it('draws normal numbers with the right first four moments', () => {
    const values = new Float32Array(100_000)
    randomStream(5, 'normal').fillNormal(values, 2, 3)
    const moment = (power: number): number =>
      values.reduce((sum, value) => sum + ((value - 2) / 3) ** power, 0) / values.length
    expect(moment(1)).toBeCloseTo(0, 1)
    expect(moment(2)).toBeCloseTo(1, 1)
    expect(moment(3)).toBeCloseTo(0, 1)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1)
  })

  it('permutes and shuffles without losing anything, every order equally often', () => {
    const stream = randomStream(6, 'order')
    const order = stream.permutation(60_000)
    expect(new Set(order).size).toBe(60_000)
    expect(order.reduce((a, b) => Math.max(a, b))).toBe(59_999)
    const counts = new Map<string, number>()
    for (let index = 0; index < 24_000; index++) {
      const key = index % 2 === 0 ? stream.permutation(4).join('') : stream.shuffle([0, 1, 2, 3]).join('')
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(140)
    expect(stream.permutation(0)).toHaveLength(0)
  })

  it('chooses without replacement', () => {
    const stream = randomStream(7, 'choose')
    const counts = new Array<number>(10).fill(0)
    for (let index = 0; index < 10_000; index++) {
      const chosen = stream.choose(10, 4)
      expect(new Set(chosen).size).toBe(4)
      for (const value of chosen) counts[value] = (counts[value] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 4000)).toBeLessThan(200)
    expect(Array.from(stream.choose(5, 5)).sort()).toEqual([0, 1, 2, 3, 4])
    expect(() => stream.choose(3, 4)).toThrow(expect.objectContaining({ code: 'random-range' }))
  })

  it('fills a range whose upper bound is excluded even after rounding to float32', () => {
    const values = new Float32Array(50_000)
    const high = 1 + 2 ** -22
    randomStream(8, 'fill').fillUniform(values, 1, high)
    expect(values.every((value) => value >= 1 && value < high)).toBe(true)
  })

  it('goes on from a saved state with the same numbers, also between the two numbers of a normal pair', () => {
    const stream = randomStream(9, 'resume')
    stream.permutation(100)
    stream.normal()
    const saved = JSON.parse(JSON.stringify(stream.state()))
    const expected = [stream.normal(), stream.uniform(), stream.normal(), stream.integer(1000)]
    const resumed = resumeStream(saved)
    expect([resumed.normal(), resumed.uniform(), resumed.normal(), resumed.integer(1000)]).toEqual(expected)
    expect(resumed.state()).toEqual(stream.state())
  })

  it('refuses seeds and states that are none', () => {
    expect(() => randomStream(0.5, 'x')).toThrow(expect.objectContaining({ code: 'seed' }))
    for (const words of [
      [1, 2, 3],
      [0, 0, 0, 0],
      [1, 2, 3, 2 ** 40],
    ]) {
      expect(() => resumeStream({ words, normal: null })).toThrow(
        expect.objectContaining({ code: 'random-state' }),
      )
    }
  })
})
