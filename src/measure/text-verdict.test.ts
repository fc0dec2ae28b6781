import { describe, expect, test } from 'vitest'
import { judgeTexts, type PairedTexts } from './text-verdict.ts'

/** Documents that get worse by about `share`, each a little more or less. */
function pairs(share: number, count = 40): PairedTexts[] {
  return Array.from({ length: count }, (_, at) => {
    const nats = 100 + 13 * (at % 7)
    const before = { nats, tokens: 50 + (at % 7), bytes: 200 + 20 * (at % 7) }
    return { before, after: { ...before, nats: nats * (1 + share + 0.01 * ((at % 5) - 2)) } }
  })
}
const total = (of: 'before' | 'after', key: 'nats' | 'tokens' | 'bytes', found: readonly PairedTexts[]) =>
  found.reduce((sum, pair) => sum + pair[of][key], 0)

describe('texts against a budget', () => {
  test('pass inside, fail outside, and are open between, with the number that would tell', () => {
    expect(judgeTexts(pairs(0.01), { unit: 'relative', budget: 0.02 }).verdict).toBe('pass')
    expect(judgeTexts(pairs(0.03), { unit: 'relative', budget: 0.02 }).verdict).toBe('fail')
    const open = judgeTexts(pairs(0.018, 10), { unit: 'relative', budget: 0.02 })
    expect(open).toMatchObject({ verdict: 'inconclusive', documents: 10 })
    expect(open.neededDocuments).toBeGreaterThan(10)
    const enough = judgeTexts(pairs(0.018, 4 * (open.neededDocuments ?? 0)), {
      unit: 'relative',
      budget: 0.02,
    })
    expect(enough.verdict).toBe('pass')
  })

  test('the change is that of the scores of all documents together', () => {
    const found = pairs(0.02)
    const bits = (of: 'before' | 'after') => total(of, 'nats', found) / total(of, 'bytes', found) / Math.LN2
    const relative = judgeTexts(found, { unit: 'relative', budget: 0.1 })
    expect(relative.change).toBeCloseTo(bits('after') / bits('before') - 1, 12)
    const absolute = judgeTexts(found, { unit: 'bits', budget: 0.1 })
    expect(absolute.change).toBeCloseTo(bits('after') - bits('before'), 12)
    const perplexity = (of: 'before' | 'after') =>
      Math.exp(total(of, 'nats', found) / total(of, 'tokens', found))
    const ratio = judgeTexts(found, { unit: 'perplexity', budget: 1.1 })
    expect(ratio.change).toBeCloseTo(perplexity('after') / perplexity('before'), 12)
    expect(ratio.lower).toBeLessThan(ratio.change)
    expect(ratio.upper).toBeGreaterThan(ratio.change)
  })

  test('a model passes against itself whatever the budget; few documents never tell', () => {
    for (const unit of ['relative', 'bits', 'perplexity'] as const) {
      const budget = unit === 'perplexity' ? 1 : 0
      const itself = pairs(0).map(({ before }) => ({ before, after: before }))
      expect(judgeTexts(itself, { unit, budget }).verdict).toBe('pass')
      const few = judgeTexts(itself.slice(0, 4), { unit, budget: budget + 0.5 })
      expect(few).toMatchObject({ verdict: 'inconclusive', upper: Infinity, neededDocuments: 5 })
    }
  })

  test.each([
    [{ unit: 'relative', budget: -0.1 }, 'budget-range'],
    [{ unit: 'perplexity', budget: 0.9 }, 'budget-range'],
    [{ unit: 'bits', budget: Number.NaN }, 'budget-range'],
  ] as const)('refuses the budget %j', (asked, code) => {
    expect(() => judgeTexts(pairs(0), asked)).toThrow(expect.objectContaining({ code }))
  })

  test('refuses perplexities by other tokens, other bytes, and losses that are none', () => {
    const [first, ...rest] = pairs(0)
    if (!first) throw new Error('no document')
    const other = (change: object) => [{ ...first, after: { ...first.after, ...change } }, ...rest]
    const refused = (code: string) => expect.objectContaining({ code })
    expect(() => judgeTexts(other({ tokens: 9 }), { unit: 'perplexity', budget: 1.1 })).toThrow(
      refused('text-tokens'),
    )
    expect(judgeTexts(other({ tokens: 9 }), { unit: 'bits', budget: 0.1 }).verdict).toBe('pass')
    expect(() => judgeTexts(other({ bytes: 9 }), { unit: 'bits', budget: 0.1 })).toThrow(
      refused('text-bytes'),
    )
    expect(() => judgeTexts(other({ nats: Number.NaN }), { unit: 'bits', budget: 0.1 })).toThrow(
      refused('text-losses'),
    )
    expect(() => judgeTexts([], { unit: 'bits', budget: 0.1 })).toThrow(refused('text-losses'))
  })
})
