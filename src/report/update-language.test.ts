import { describe, expect, test } from 'vitest'
import type { TextPreflight, TextUpdateSummary } from '../update/texts/index.ts'
import { languageUpdateMarkdown, languageUpdatePage, languageUpdateText } from './update-language.ts'
import { languageTradeoff } from './update-language-tradeoff.ts'

type Unit = TextUpdateSummary['budget']['unit']

/** Changes of old bits per byte in a unit: 2 bits a byte, of 4 nats a token. */
const changeIn = (unit: Unit, relative: number): number =>
  ({ relative, bits: 2 * relative, perplexity: Math.exp(4 * relative) })[unit]

const guess = (trial: number, alpha: number, loss: number, gain: number) => ({
  ...{ trial, alpha, loss, bound: loss, gain },
})

/** Two rungs: what they seem to lose, and what three points of the second lost where they were tested. */
function summary(unit: Unit = 'relative', parts: Partial<TextUpdateSummary> = {}): TextUpdateSummary {
  const settings = {
    rung: 'everything',
    epochs: 3,
    steps: 50,
    batchSize: 8,
    learningRate: 1e-3,
    replayShare: 0.25,
  }
  const claim = (relative: number) => ({
    ...{ name: 'deployed' as const, confidence: 0.95, verdict: 'pass' as const, unit, documents: 40 },
    ...{ before: 2, after: 2 * (1 + relative), change: changeIn(unit, relative), neededDocuments: 5 },
    ...{ lower: changeIn(unit, relative - 0.001), upper: changeIn(unit, relative + 0.001) },
    budget: changeIn(unit, 0.02),
  })
  const looks = [0, 0.25, 0.5, 0.75, 1].map((alpha) => guess(1, alpha, 0.03 * alpha, 0.2 * alpha))
  const tested = [0.25, 0.5, 0.625].map((alpha) => ({
    ...{ alpha, guess: guess(1, alpha, 0.03 * alpha, 0.2 * alpha), claims: [claim(0.03 * alpha + 0.0005)] },
  }))
  return {
    ...{ schema: 'holdfast.update-texts/1', status: 'met', met: true, learned: true, confidence: 0.95 },
    budget: { unit, maxChange: changeIn(unit, 0.02), maxTotal: changeIn(unit, 0.02) },
    chosen: {
      trial: 1,
      alpha: 0.625,
      method: 'replay+distil',
      tested: 3,
      guess: guess(1, 0.625, 0.01875, 0.125),
    },
    chosenBy: 'check',
    old: {
      ...{
        claims: [claim(0.0193)],
        before: 2,
        after: 2.0386,
        documents: 40,
        worst: [],
        first: null,
        uses: 0,
      },
    },
    new: { before: 4, after: 3.5, change: -0.125, lower: -0.14, upper: -0.11, documents: 12 },
    ...{ unshown: null, heldBack: null, stopped: null },
    trials: [
      {
        ...{ method: 'replay+distil by LoRA', seconds: 3, curve: [] },
        settings: { ...settings, rung: 'low-rank updates', rank: 16 },
        looks: [0, 0.5, 1].map((alpha) => guess(0, alpha, 0.02 * alpha, 0.1 * alpha)),
      },
      { method: 'replay+distil', seconds: 5, settings, looks, curve: tested },
    ],
    documents: { train: 20, check: 12, rehearsed: 40, order: 10, heldOut: 40 },
    ...{ warnings: [], help: [], seconds: { total: 10, train: 6, search: 4 } },
    ...parts,
  }
}

const facts = { documents: 12, tokens: 900 }
const found: TextPreflight = {
  schema: 'holdfast.preflight-texts/1',
  texts: { train: facts, check: facts, rehearsed: facts, order: facts, heldOut: facts },
  selfWritten: false,
  method: { name: 'replay+distil', reasons: ['Old texts are there.'] },
  rungs: ['low-rank updates', 'everything'],
  budget: { unit: 'relative', maxChange: 0.02 },
  ...{ cost: null, notes: [], warnings: [] },
}

describe('the trade-off of a language model', () => {
  test.each(['relative', 'bits', 'perplexity'] as const)('has its points in the budget, in %s', (unit) => {
    const plot = languageTradeoff(summary(unit))
    const shown = (relative: number) => changeIn(unit, relative) - (unit === 'perplexity' ? 1 : 0)
    expect(plot?.budget).toBeCloseTo(shown(0.02), 9)
    expect(plot?.lines.map(({ name }) => name)).toEqual(['low-rank updates', 'everything'])
    const [first, second] = plot?.lines ?? []
    // What was never tested stands where it seemed to.
    expect(first?.tested).toEqual([])
    expect(first?.estimated.at(-1)?.drop).toBeCloseTo(shown(0.02), 9)
    expect(second?.tested.map(({ new: saved }) => saved)).toEqual([0.05, 0.1, 0.125])
    expect(second?.tested.at(-1)?.drop).toBeCloseTo(shown(0.01925), 9)
    // What lies behind it is moved by what the last test found more than it seemed.
    const moved = shown(0.01925) - shown(0.01875)
    expect(second?.estimated.map(({ drop }) => drop)).toEqual([
      expect.closeTo(shown(0.0225) + moved, 9),
      expect.closeTo(shown(0.03) + moved, 9),
    ])
    expect(plot?.chosen).toMatchObject({ new: 0.125 })
    expect(plot?.chosen?.upper).toBeCloseTo(shown(0.02025), 9)
  })

  test('is an estimate without a bound where no document proves, and none where nothing says what old texts take', () => {
    const one = summary()
    const trials = one.trials.map((trial) => ({ ...trial, curve: [] }))
    const plot = languageTradeoff(summary('relative', { trials, old: null, status: 'inconclusive' }))
    expect(plot?.chosen).toEqual({ drop: 0.01875, new: 0.125, upper: undefined })
    expect(plot?.lines[1]?.estimated).toHaveLength(5)
    const blind = { trials, old: null, documents: { ...one.documents, order: 0, heldOut: 0 } }
    expect(languageTradeoff(summary('relative', blind))).toBeUndefined()
    expect(languageTradeoff(summary('relative', { trials: [], chosen: null }))).toBeUndefined()
  })
})

describe('the page of a language model', () => {
  const prompts = [{ prompt: 'In the <b>', before: ' beginning', after: ' beginnings' }]

  test('shows the trade-off and the same prompts answered before and after', () => {
    const page = languageUpdatePage(summary(), found, { model: 'gpt/', prompts })
    expect(page).toContain('The trade-off')
    expect(page).toContain(
      'The budget is 2.00 % more old bits per byte. Chosen: 1.93 % more old bits per byte, at most 2.02, with 12.5 per',
    )
    expect(page).toContain('new bits per byte saved, in %')
    expect(page).toContain('In the &lt;b&gt;')
    expect(page).toMatch(/<p class="who">after<\/p>.*beginnings/)
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
    expect(languageUpdatePage(summary(), found, { model: 'gpt/' })).not.toContain('The same prompts')
  })

  test('has its answers in the terminal and in Markdown, too', () => {
    expect(languageUpdateText(summary(), 'Written: x', prompts)).toContain('  after   beginnings')
    expect(languageUpdateMarkdown(summary(), found, prompts)).toContain('- after: beginnings')
  })
})
