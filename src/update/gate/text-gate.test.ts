import { describe, expect, it } from 'vitest'
import { gateLanguageJunit, gateLanguageMarkdown, gateLanguageText } from '../../report/gate-language.ts'
import { gateLanguage } from './language-gate.ts'
import { gateTexts, type TextGateResult } from './text-gate.ts'
import type { TextScores } from './text-losses.ts'

/** Losses on `count` documents, each `share` more than at first, give or take a hundredth. */
const losses = (name: string, share: number, count = 30, tokens = 0): TextScores => ({
  name,
  documents: Array.from({ length: count }, (_, at) => {
    const bytes = 400 + 50 * (at % 6)
    return {
      id: `t${at}`,
      bytes,
      tokens: 100 + (at % 6) + tokens,
      bits: 1.8 * bytes * (1 + share + (share === 0 ? 0 : 0.01 * ((at % 5) - 2))),
    }
  }),
})
const old = losses('old', 0)
const alone = (texts: TextGateResult) => gateLanguage({ texts })

describe('language models', () => {
  it('pass, fail or stay open, and the scores are those of all documents', () => {
    const held = gateTexts(old, losses('new', 0.01), { unit: 'relative', budget: 0.02 })
    expect(held).toMatchObject({
      schema: 'holdfast.gate-texts/1',
      verdict: 'pass',
      unit: 'relative',
      documents: 30,
      baseline: 'old',
      golden: null,
      warnings: [],
    })
    expect(held.bitsPerByte.baseline).toBeCloseTo(1.8, 12)
    expect(held.bitsPerByte.candidate / held.bitsPerByte.baseline - 1).toBeCloseTo(held.change, 12)
    expect(gateTexts(old, losses('new', 0.03), { unit: 'relative', budget: 0.02 }).verdict).toBe('fail')
    const open = gateTexts(old, losses('new', 0.018, 30), { unit: 'relative', budget: 0.02 })
    expect(open.verdict).toBe('inconclusive')
    expect(open.rules[0]?.reason).toMatch(/^30 documents cannot tell .* about \d+ documents like these/)
  })

  it('are held against a golden one, too: many small losses add up', () => {
    const golden = losses('first', -0.04)
    const found = gateTexts(old, losses('new', 0.01), { unit: 'relative', budget: 0.02, golden })
    expect(found.rules.map(({ rule, verdict }) => [rule, verdict])).toEqual([
      ['score', 'pass'],
      ['golden', 'fail'],
    ])
    expect(found.verdict).toBe('fail')
    const total = gateTexts(old, losses('new', 0.01), {
      unit: 'relative',
      budget: 0.02,
      golden,
      totalBudget: 0.1,
    })
    expect(total.verdict).toBe('pass')
  })

  it('name the documents that add most bits, and only such as got worse', () => {
    const { worst } = gateTexts(old, losses('new', 0.005), { unit: 'bits', budget: 0.1 })
    expect(worst.length).toBeLessThanOrEqual(20)
    expect(worst.every(({ addedBits }) => addedBits > 0)).toBe(true)
    expect(worst.map(({ addedBits }) => addedBits)).toEqual(
      worst.map(({ addedBits }) => addedBits).sort((a, b) => b - a),
    )
    expect(gateTexts(old, losses('new', -0.1), { unit: 'bits', budget: 0.1 }).worst).toEqual([])
  })

  it('of different tokens compare in bits per byte, and not in perplexity', () => {
    const other = losses('new', 0.01, 30, 5)
    expect(gateTexts(old, other, { unit: 'relative', budget: 0.02 }).verdict).toBe('pass')
    const refused = () => gateTexts(old, other, { unit: 'perplexity', budget: 1.1 })
    expect(refused).toThrow(expect.objectContaining({ code: 'text-tokens' }))
    expect(refused).toThrow('Document "t0" is 100 tokens that count for old and 105 for new')
  })

  it('that are one and the same are a warning', () => {
    expect(gateTexts(old, { ...old, name: 'new' }, { unit: 'relative', budget: 0 })).toMatchObject({
      verdict: 'pass',
      warnings: [expect.stringContaining('is it one model twice?')],
    })
  })

  it('on a single document stay open, and it is said what helps', () => {
    const one = gateTexts(losses('old', 0, 1), losses('new', 0.01, 1), { unit: 'relative', budget: 0.02 })
    expect(one).toMatchObject({ verdict: 'inconclusive', neededDocuments: 5 })
    expect(one.rules[0]?.reason).toMatch(/1 document gives no bound .* at least five/)
    expect(JSON.parse(JSON.stringify(one))).toMatchObject({ lower: null, upper: null })
  })
})

describe('for people and machines', () => {
  const failed = gateTexts(old, losses('new', 0.03), { unit: 'bits', budget: 0.02 })
  it('the terminal has the verdict first, then scores, then documents', () => {
    expect(gateLanguageText(alone(failed), { most: 2 })).toMatchInlineSnapshot(`
      "FAIL. Bits per byte went from 1.8000 to 1.8540, a change of 0.0540 bits per byte and, with 95 % confidence, of at least 0.0437 bits per byte: outside the budget of 0.0200 bits per byte.

      old against new
           documents  bits/byte before   after       change                      bounds       budget
      all         30            1.8000  1.8540  0.0540 bits  0.0437 bits to 0.0634 bits  0.0200 bits  fail
      Perplexity 596.14 before, 722.12 after, over 3,075 tokens. Scores are those of 30 documents together; each bound holds with 95 % confidence. Documents for a verdict in 80 % of cases: 6.

      Documents that add most bits:
      document  bytes  bits/byte before  after  change  bits added
      t29         650             1.800  1.890  +5.0 %  +58
      t4          600             1.800  1.890  +5.0 %  +54"
    `)
  })
  it('Markdown and JUnit say the same', () => {
    expect(gateLanguageMarkdown(alone(failed))).toMatch(
      /^## ❌ Gate: fail\n\nBits per byte went from 1\.8000/,
    )
    expect(gateLanguageJunit(alone(failed))).toContain(
      'name="score"><failure message="Bits per byte went from',
    )
    const open = gateTexts(old, losses('new', 0.018), { unit: 'perplexity', budget: 1.1 })
    expect(
      gateLanguageJunit(
        alone({ ...open, rules: [{ rule: 'score', verdict: 'inconclusive', reason: 'too few' }] }),
      ),
    ).toContain('<error message="too few"/>')
  })
})
