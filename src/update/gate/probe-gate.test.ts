import { describe, expect, it } from 'vitest'
import type { Prediction, PredictionSet } from '../../data/formats/index.ts'
import { gateLanguageJunit, gateLanguageMarkdown, gateLanguageText } from '../../report/gate-language.ts'
import { gate } from './gate.ts'
import { gateLanguage } from './language-gate.ts'
import { gateProbes } from './probe-gate.ts'
import { gateTexts } from './text-gate.ts'

const even = { yes: 0.25, no: 0.25, maybe: 0.25, never: 0.25 }

/** Questions with four choices of which `wrong` are answered wrongly. */
const answers = (name: string, wrong: (at: number) => boolean, count = 200): PredictionSet => ({
  name,
  predictions: Array.from(
    { length: count },
    (_, at): Prediction => ({
      ...{ id: `q${at}`, label: 'yes', pred: wrong(at) ? 'no' : 'yes' },
      ...{ probs: { ...even, yes: 0.25 + at / 1e6 + name.length / 1e7 }, probe: 'choice' },
    }),
  ),
})
const old = answers('old', (at) => at % 10 === 0)

describe('answers to probes', () => {
  it('are held to the drop of paired proportions', () => {
    const worse = answers('worse', (at) => at % 10 === 0 || at < 30)
    const found = gateProbes(old, worse, { maxDrop: 0.02 })
    const { drop, lower, upper } = gate(plain(old), plain(worse), { maxDrop: 0.02 })
    expect(found).toMatchObject({ drop, lower, upper, n: 200, verdict: 'fail', warnings: [] })
    expect(found.rules.map(({ rule }) => rule)).toEqual(['probes'])
    expect(found.lost).toHaveLength(20)
    expect(gateProbes(worse, old, { maxDrop: 0.02 }).verdict).toBe('pass')
    expect(
      gateProbes(
        old,
        answers('less', (at) => at % 9 === 0),
        { maxDrop: 0.02 },
      ).verdict,
    ).toBe('inconclusive')
  })

  it('may be held to a golden model, a cap, and ids that stay right', () => {
    const golden = answers('golden', () => false)
    const found = gateProbes(
      old,
      answers('new', (at) => at < 20),
      {
        ...{ maxDrop: 0.5, maxDropTotal: 0.01, golden, maxNegativeFlips: 0.5 },
        neverFlip: [{ id: 'q10' }, { id: 'q30' }],
      },
    )
    expect(found.rules.map(({ rule, verdict }) => [rule, verdict])).toEqual([
      ['probes', 'pass'],
      ['golden-probes', 'fail'],
      ['negative-flips', 'pass'],
      ['never-flip', 'fail'],
    ])
    expect(found.neverFlip).toEqual({ listed: 2, broken: ['q10'] })
    expect(found.rules[1]?.reason).toContain('The drop on probes against the golden model is 10.00 points')
    expect(() => gateProbes(old, old, { maxDrop: 0.1, neverFlip: [{ id: 'x' }] })).toThrow('"x" is no id')
  })

  it('of a model that only guesses are worth a warning, by the choices that there are', () => {
    const guesses = answers('guesses', (at) => at % 4 !== 0)
    expect(gateProbes(guesses, old, { maxDrop: 0.02 }).warnings).toEqual([
      expect.stringContaining(
        'guesses answers 25.00 % of the questions with choices rightly, which is not shown to be more than guessing gives (25.00 %)',
      ),
    ])
    // Half of them right is chance for one who knows two choices, and much for one of four.
    expect(
      gateProbes(
        answers('half', (at) => at % 2 === 0),
        old,
        { maxDrop: 0.02 },
      ).warnings,
    ).toEqual([])
  })

  it('are no classes, and classes are no answers', () => {
    const code = (expected: string) => expect.objectContaining({ code: expected })
    expect(() => gate(old, old, { maxDrop: 0.1 })).toThrow(code('predictions-probe'))
    expect(() => gateProbes(old, plain(old), { maxDrop: 0.1 })).toThrow(code('predictions-probe'))
  })
})

const plain = (set: PredictionSet): PredictionSet => ({
  ...set,
  predictions: set.predictions.map(({ probe: _, ...rest }) => rest),
})

describe('texts and probes together', () => {
  const documents = (name: string, share: number) => ({
    name,
    documents: Array.from({ length: 30 }, (_, at) => ({
      ...{ id: `t${at}`, bytes: 500, tokens: 100 },
      bits: 900 * (1 + share + (share === 0 ? 0 : (at % 3) / 1000)),
    })),
  })
  const texts = (share: number) =>
    gateTexts(documents('old', 0), documents('new', share), { unit: 'relative', budget: 0.02 })
  const probes = (wrong: (at: number) => boolean) => gateProbes(old, answers('new', wrong), { maxDrop: 0.02 })
  const kept = probes((at) => at % 10 === 0)

  it('pass where both do', () => {
    const bad = probes((at) => at % 10 === 0 || at < 30)
    expect(kept.verdict).toBe('pass')
    expect(gateLanguage({ texts: texts(0.01), probes: kept }).verdict).toBe('pass')
    expect(gateLanguage({ texts: texts(0.01), probes: bad }).verdict).toBe('fail')
    expect(gateLanguage({ texts: texts(0.09), probes: kept }).verdict).toBe('fail')
    expect(gateLanguage({ texts: texts(0.01), probes: probes((at) => at % 9 === 0) }).verdict).toBe(
      'inconclusive',
    )
  })

  it('are told as text, Markdown and JUnit, and what a model wrote is no markup there', () => {
    const named = { ...answers('new', (at) => at < 3), name: '<b>new</b>' }
    const hostile = {
      ...named,
      predictions: named.predictions.map((each) =>
        each.id === 'q1' ? { ...each, pred: '|<script>`\u001B[31m' } : each,
      ),
    }
    const found = gateLanguage({ texts: texts(0.01), probes: gateProbes(old, hostile, { maxDrop: 0.2 }) })
    expect(gateLanguageText(found)).toMatchInlineSnapshot(`
      "PASS. Bits per byte went from 1.8000 to 1.8198, a change of 1.10 % and, with 95 % confidence, of at most 1.13 %: inside the budget of 2.00 %.
      The gain on probes is 8.50 points and, with 95 % confidence, at least a gain of 4.84 points: inside the budget of 20.00 points.

      old against new
           documents  bits/byte before   after  change            bounds  budget
      all         30            1.8000  1.8198  1.10 %  1.07 % to 1.13 %  2.00 %  pass
      Perplexity 512.00 before, 548.37 after, over 3,000 tokens. Scores are those of 30 documents together; each bound holds with 95 % confidence. Documents for a verdict in 80 % of cases: 5.

           probes  right before %  after %   drop           bounds  budget  flips - / +
      all     200           90.00    98.50  −8.50  −12.78 to −4.84   20.00       2 / 19  pass
      Drops and budgets in points of acc; each bound holds with 95 % confidence. Right before and wrong after: 1.00 %, at most 3.11 %; McNemar p 0.0002. Probes for a verdict in 80 % of cases: 18.

      Documents that add most bits:
      document  bytes  bits/byte before  after  change  bits added
      t2          500             1.800  1.822  +1.2 %  +11
      t5          500             1.800  1.822  +1.2 %  +11
      t8          500             1.800  1.822  +1.2 %  +11
      t11         500             1.800  1.822  +1.2 %  +11
      t14         500             1.800  1.822  +1.2 %  +11
      t17         500             1.800  1.822  +1.2 %  +11
      t20         500             1.800  1.822  +1.2 %  +11
      t23         500             1.800  1.822  +1.2 %  +11
      t26         500             1.800  1.822  +1.2 %  +11
      t29         500             1.800  1.822  +1.2 %  +11

      Probes that were right and are wrong:
      probe  right answer  before  after
      q1              yes     yes  |<script>\`\\u001B[31m
      q2              yes     yes  no"
    `)
    const markdown = gateLanguageMarkdown(found)
    expect(markdown).toContain('Probes that were right and are wrong')
    expect(gateLanguageJunit(found)).toContain('tests="2" failures="0"')
    const alone = gateLanguage({ probes: gateProbes(old, hostile, { maxDrop: 0.001 }) })
    expect(gateLanguageMarkdown(alone)).toContain('candidate `<b>new</b>`')
    expect(gateLanguageMarkdown(alone)).toContain('| q1 | yes | yes | \\|\\<script\\>\\`\\\\u001B\\[31m |')
    expect(gateLanguageJunit(alone)).toContain('name="probes"')
  })
})
