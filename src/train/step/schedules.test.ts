import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schedule } from './schedules.ts'

const { schedules } = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/torch/index.json', import.meta.url), 'utf8'),
) as { schedules: { lr: number } & Record<string, { rates: number[] }> }
const rates = (name: string): number[] => schedules[name]?.rates ?? []

describe("the learning rate follows PyTorch's", () => {
  it.each([
    ['cosine', schedule({ kind: 'cosine', final: 0.1 }), 11],
    ['linear', schedule({ kind: 'linear' }), 11],
    ['warm-up', schedule({ warmup: 4 }), 7],
  ] as const)('%s', (name, factor, total) => {
    const found = rates(name).map((_, step) => schedules.lr * factor(step, total))
    expect(found).toHaveLength(rates(name).length)
    found.forEach((rate, step) => {
      expect(rate).toBeCloseTo(rates(name)[step] ?? Number.NaN, 9)
    })
  })

  it('warm-up, then cosine', () => {
    const factor = schedule({ kind: 'cosine', warmup: 4 })
    rates('warm-up-cosine').forEach((rate, step) => {
      expect(schedules.lr * factor(step, 13)).toBeCloseTo(rate, 9)
    })
  })
})

describe('a schedule', () => {
  it('is constant by default', () => {
    expect([0, 5, 99].map((step) => schedule()(step, 100))).toEqual([1, 1, 1])
  })

  it('begins at its top and ends at its final factor, whatever the length and the warm-up', () => {
    const lengths = fc.record({
      total: fc.integer({ min: 2, max: 400 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(
        lengths,
        fc.constantFrom('cosine', 'linear'),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (length, kind, final) => {
          // At least two steps after the warm-up: the first is the top, the last is the end.
          const warmup = Math.floor(length.share * (length.total - 2))
          const factor = schedule({ kind, warmup, final })
          const factors = Array.from({ length: length.total }, (_, step) => factor(step, length.total))
          expect(factors[warmup]).toBeCloseTo(1, 12)
          expect(factors.at(-1)).toBeCloseTo(final, 12)
          const falling = factors
            .slice(warmup + 1)
            .every((each, at) => each <= (factors[warmup + at] ?? 0) + 1e-12)
          expect(falling).toBe(true)
        },
      ),
    )
  })

  it.each(['cosine', 'linear'] as const)('%s: a single step is taken at the full rate', (kind) => {
    expect(schedule({ kind })(0, 1)).toBe(1)
    expect(schedule({ kind, warmup: 4 })(4, 5)).toBe(1)
  })

  it.each(['cosine', 'linear'] as const)('%s: a warm-up as long as the task is all of it', (kind) => {
    const factor = schedule({ kind, warmup: 4, final: 0.1 })
    expect([0, 1, 2, 3].map((step) => factor(step, 4))).toEqual([0.25, 0.4375, 0.625, 0.8125])
    expect([0, 1].map((step) => factor(step, 2))).toEqual([0.25, 0.4375])
  })

  it('holds its final factor beyond the last step', () => {
    expect(schedule({ kind: 'linear', final: 0.25 })(250, 100)).toBe(0.25)
    expect(schedule({ kind: 'cosine', final: 0.25 })(250, 100)).toBeCloseTo(0.25, 12)
  })

  it('stands a warm-up longer than the task', () => {
    const factor = schedule({ kind: 'cosine', warmup: 20 })
    expect(factor(10, 11)).toBeCloseTo(0.05 + 0.95 / 2, 12)
  })

  it('refuses an unknown kind, a warm-up that is no number of steps, a final factor that is none', () => {
    const refused = expect.objectContaining({ code: 'schedule' })
    expect(() => schedule({ kind: 'step' as 'linear' })).toThrow(refused)
    for (const warmup of [-1, 0.5, Number.NaN]) expect(() => schedule({ warmup })).toThrow(refused)
    for (const final of [-0.1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => schedule({ kind: 'cosine', final })).toThrow(refused)
  })
})
