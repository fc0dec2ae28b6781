import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wilson } from './wilson.ts'

describe('Wilson’s interval', () => {
  it('is that of the textbooks: 81 of 263 (Newcombe 1998, table I)', () => {
    const { lower, upper } = wilson(81, 263)
    expect(lower).toBeCloseTo(0.2553, 4)
    expect(upper).toBeCloseTo(0.3662, 4)
  })

  it('has a width where none or all are right, and knows nothing of no rows', () => {
    expect(wilson(0, 20).lower).toBe(0)
    expect(wilson(0, 20).upper).toBeCloseTo(0.1611, 4)
    expect(wilson(20, 20).upper).toBe(1)
    expect(wilson(0, 0)).toEqual({ lower: 0, upper: 1 })
  })

  it('ends where the share is as far away as the quantile says', () => {
    const counts = fc
      .integer({ min: 1, max: 2000 })
      .chain((total) => fc.record({ total: fc.constant(total), right: fc.integer({ min: 0, max: total }) }))
    fc.assert(
      fc.property(counts, ({ right, total }) => {
        for (const end of Object.values(wilson(right, total)) as number[]) {
          if (end < 1e-9 || end > 1 - 1e-9) continue
          const score = Math.abs(right / total - end) / Math.sqrt((end * (1 - end)) / total)
          expect(score).toBeCloseTo(1.959964, 4)
        }
      }),
    )
  })
})
