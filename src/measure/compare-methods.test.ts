import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareMethods } from './compare-methods.ts'
import type { RunResult, ScenarioName } from './results.ts'

const run = (method: string, seed: number, averageAccuracy: number, scenario: ScenarioName = 'class') =>
  ({ method, seed, averageAccuracy, scenario }) as RunResult

const runs = (scores: Readonly<Record<string, readonly number[]>>) =>
  Object.entries(scores).flatMap(([method, values]) => values.map((value, seed) => run(method, seed, value)))

test('methods are compared in pairs of one seed', () => {
  const found = compareMethods(runs({ b: [0.6, 0.8, 0.7], a: [0.65, 0.83, 0.77], c: [0.64, 0.82, 0.6] }))
  expect(found.map(({ method }) => method)).toEqual(['a', 'b', 'c'])
  const [a, b, c] = found
  // By hand: differences 0.05, 0.03, 0.07 have mean 0.05 and standard error 0.02 / sqrt 3, so t = 4.3301 on 2 degrees of freedom.
  expect(b?.behind?.difference).toBeCloseTo(0.05, 12)
  // 0.01, 0.01, 0.17: mean 0.0633, standard error 0.0533, t = 1.1875, p = 0.3571; the smaller p counts twice.
  expect(b?.behind?.p).toBeCloseTo(2 * 0.0494, 3)
  expect(c?.behind?.p).toBeCloseTo(0.3571, 3)
  expect(a?.behind).toBeNull()
  expect(found.map(({ rank }) => rank)).toEqual([1, 8 / 3, 7 / 3])
  // t(0.975, 2) = 4.3027 and the standard error of 0.65, 0.83, 0.77 is 0.052915.
  expect(a?.interval[0]).toBeCloseTo(0.75 - 4.3027 * 0.052915, 4)
  expect(a?.interval[1]).toBeCloseTo(0.75 + 4.3027 * 0.052915, 4)
})

test('only seeds that all methods have count, and joint training is none of them', () => {
  const found = compareMethods([
    ...runs({ a: [0.5, 0.6, 0.7], b: [0.4, 0.5], joint: [0.9, 0.9] }),
    run('a', 1, 0.5, 'task'),
  ])
  expect(found.map(({ method, seeds, scenario }) => [method, seeds, scenario])).toEqual([
    ['a', 2, 'class'],
    ['b', 2, 'class'],
  ])
  expect(compareMethods(runs({ a: [0.5], b: [0.4] }))).toEqual([])
  expect(compareMethods(runs({ a: [0.5, 0.6], joint: [0.9, 0.9] }))).toEqual([])
})

test('equal methods share ranks, and differ in nothing', () => {
  const found = compareMethods(runs({ a: [0.5, 0.6], b: [0.5, 0.6] }))
  expect(found.map(({ rank }) => rank)).toEqual([1.5, 1.5])
  expect(found[1]?.behind).toEqual({ difference: 0, p: 1 })
})

test('what all methods gain at a seed changes no difference', () => {
  const score = fc.double({ min: 0, max: 0.5, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.tuple(score, score, score, score), { minLength: 2, maxLength: 6 }), (seeds) => {
      const of = (shifted: boolean) =>
        compareMethods(
          runs(
            Object.fromEntries(
              ['a', 'b', 'c'].map((name, at) => [
                name,
                seeds.map((row) => (row[at] ?? 0) + (shifted ? (row[3] ?? 0) : 0)),
              ]),
            ),
          ),
        )
      const [plain, moved] = [of(false), of(true)]
      for (const one of plain) {
        const other = moved.find(({ method }) => method === one.method)
        // Sums in another order of floats may exchange methods that are equal.
        if (one.behind === null || other?.behind === null) continue
        expect(other?.behind?.difference).toBeCloseTo(one.behind.difference, 9)
      }
    }),
  )
})

test('an interval ends where accuracies do, and that of a score below 0 has no lower end', () => {
  const intervals = (a: readonly number[]) =>
    compareMethods(runs({ a, b: [0.1, 0.2] })).find(({ method }) => method === 'a')?.interval
  expect(intervals([0.95, 0.6])).toEqual([0, 1])
  expect(intervals([-0.4, 0.6])?.[0]).toBeLessThan(0)
})
