import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { schedule } from './schedules.ts'

const { schedules } = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/torch/index.json', import.meta.url), 'utf8'),
) as { schedules: { lr: number } & Record<string, { rates: number[] }> }
const rates = (name: string): number[] => schedules[name]?.rates ?? []

describe("the learning rate follows PyTorch's", () => {
  it.each([
    ['cosine', schedule({ kind: 'cosine', final: 0.1 }), 10],
    ['linear', schedule({ kind: 'linear' }), 10],
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
      expect(schedules.lr * factor(step, 12)).toBeCloseTo(rate, 9)
    })
  })
})

describe('a schedule', () => {
  it('is constant by default', () => {
    expect([0, 5, 99].map((step) => schedule()(step, 100))).toEqual([1, 1, 1])
  })

  it('holds its final factor beyond the last step', () => {
    expect(schedule({ kind: 'linear', final: 0.25 })(250, 100)).toBe(0.25)
    expect(schedule({ kind: 'cosine', final: 0.25 })(250, 100)).toBeCloseTo(0.25, 12)
  })

  it('stands a warm-up longer than the task', () => {
    const factor = schedule({ kind: 'cosine', warmup: 20 })
    expect(factor(10, 11)).toBeCloseTo(0.05 + 0.95 / 2, 12)
  })

  it('refuses an unknown kind and a negative warm-up', () => {
    const refused = expect.objectContaining({ code: 'schedule' })
    expect(() => schedule({ kind: 'step' as 'linear' })).toThrow(refused)
    expect(() => schedule({ warmup: -1 })).toThrow(refused)
  })
})
