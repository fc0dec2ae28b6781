import { describe, expect, test } from 'vitest'
import { randomStream } from '../tensor/random.ts'
import { nonInferiority } from './paired.ts'
import { chanceToPass, flipsTolerated } from './pass-chance.ts'

describe('the chance to pass', () => {
  test.each([
    [722, 0.01, 0.002, 0.5],
    [722, 0.01, 0.01, 0.5],
    [722, 0.01, 0.003, 1],
    [1200, 0.01, 0.05, 0.5],
    [300, 0.02, 0.03, 0.7],
    [5000, 0.02, 0.1, 0.55],
  ])(
    '%i rows, budget %d, flips %d, of these %d for the worse: as simulated',
    (n, budget, flipRate, worse) => {
      const random = randomStream(1, `pass ${n} ${budget} ${flipRate} ${worse}`)
      const times = 1500
      const passed = new Map<string, boolean>()
      let passing = 0
      for (let time = 0; time < times; time++) {
        let [negative, positive] = [0, 0]
        for (let row = 0; row < n; row++) {
          const drawn = random.uniform()
          if (drawn < flipRate * worse) negative++
          else if (drawn < flipRate) positive++
        }
        const key = `${negative} ${positive}`
        const found = passed.get(key) ?? nonInferiority({ negative, positive, total: n }, { budget }).passes
        passed.set(key, found)
        if (found) passing++
      }
      const chance = chanceToPass({ n, budget, flipRate, worse })
      const error = Math.sqrt((chance * (1 - chance)) / times)
      expect(Math.abs(passing / times - chance)).toBeLessThan(4 * error + 0.005)
    },
  )

  test('without a flip is that of the rule of three: 299 rows show a point, 298 do not', () => {
    expect(chanceToPass({ n: 298, budget: 0.01, flipRate: 0 })).toBe(0)
    expect(chanceToPass({ n: 299, budget: 0.01, flipRate: 0 })).toBeCloseTo(1, 9)
    expect(flipsTolerated({ n: 298, budget: 0.01 })).toBeNull()
  })

  test('is 80 % at what is tolerated, which grows with the rows, and is less where all is for the worse', () => {
    let before = 0
    for (const n of [400, 722, 2000, 10_000]) {
      const flipRate = flipsTolerated({ n, budget: 0.01 }) ?? Number.NaN
      expect(flipRate).toBeGreaterThan(before)
      expect(chanceToPass({ n, budget: 0.01, flipRate })).toBeGreaterThanOrEqual(0.8)
      expect(chanceToPass({ n, budget: 0.01, flipRate: flipRate * 1.05 })).toBeLessThan(0.8)
      expect(flipsTolerated({ n, budget: 0.01, worse: 1 })).toBeLessThan(Math.min(flipRate, 0.01))
      before = flipRate
    }
  })
})
