import { describe, expect, it } from 'vitest'
import type { PredictionSet } from '../data/formats/predictions.ts'
import { gate } from '../update/gate/gate.ts'
import { flipRecords } from '../update/gate/gate-flips.ts'
import { gateJunit } from './gate-junit.ts'
import { gateMarkdown } from './gate-markdown.ts'
import { gateText } from './gate-text.ts'

/** 200 examples of two classes, of which the first `negative` of class "a" flip. */
function answers(name: string, negative: number, label = 'a'): PredictionSet {
  const predictions = Array.from({ length: 200 }, (_, n) => {
    const right = n % 2 ? 'b' : label
    return { id: `${n}`, label: right, pred: n % 2 === 0 && n / 2 < negative ? 'b' : right }
  })
  return { name, predictions }
}

describe('the gate for people', () => {
  it('says verdict and reason first, then the figures', () => {
    const result = gate(answers('old', 0), answers('new', 0), { maxDrop: 0.05 })
    expect(gateText(result)).toMatchInlineSnapshot(`
      "PASS. The drop is 0.00 points and, with 95 % confidence, at most a drop of 1.49 points: inside the budget of 5.00 points.

      old against new
                     examples  before %  after %  drop         bounds  budget  flips - / +
      all                 200    100.00   100.00  0.00  −1.49 to 1.49    5.00        0 / 0  pass
      all, by class       200    100.00   100.00  0.00  −1.49 to 1.49    5.00        0 / 0
      Negative flip rate 0.00 %, at most 1.49 %; McNemar p 1.0000. Examples for a verdict in 80 % of cases: 70.

      class  examples  before %  after %  drop         bounds  budget  flips - / +
      a           100    100.00   100.00  0.00  −2.95 to 2.95    5.00        0 / 0  kept
      b           100    100.00   100.00  0.00  −2.95 to 2.95    5.00        0 / 0  kept

      Drops and budgets in points; each bound holds with 95 % confidence. Flips: right before and wrong after / the reverse."
    `)
  })
  it('shows the worst classes, and says how many are left out', () => {
    const result = gate(answers('old', 0), answers('new', 30), { maxDrop: 0.05 })
    const text = gateText(result, { most: 1 })
    expect(text).toMatch(/^FAIL\. The drop is 15\.00 points/)
    expect(text).toContain('Warning: Shown to have lost more than the budget, which does not count without')
    expect(text).toMatch(/^a +100 +100\.00 +70\.00 .* worse$/m)
    expect(text).toContain('… and 1 more with smaller drops')
    expect(text.match(/Warning: /g)).toHaveLength(1)
  })
  it('shows classes that the baseline does not know behind the others, as new', () => {
    const [old, renewed] = [{ ...answers('old', 0), classes: ['b'] }, answers('new', 30)]
    const result = gate(
      { ...old, predictions: old.predictions.map((each) => ({ ...each, pred: 'b' })) },
      renewed,
      {
        maxDrop: 0.05,
      },
    )
    expect(gateText(result)).toMatch(/^b +100 .* kept\na +100 +70\.00 +new$/m)
    expect(gateText({ ...result, newClasses: Array(3).fill(result.newClasses[0]) }, { most: 1 })).toContain(
      '… and 2 more that are new (--json has all)',
    )
    expect(gateMarkdown(result)).toContain('| a | 100 |  | 70.00 |')
  })
})

describe('the gate for a pull request', () => {
  it('keeps names from becoming markup, and folds what is long', () => {
    const [old, renewed] = [answers('old', 0, '<b>|'), answers('new', 30, '<b>|')]
    const markdown = gateMarkdown(gate(old, renewed, { maxDrop: 0.05 }), flipRecords(old, renewed))
    expect(markdown).toMatch(/^## ❌ Gate: fail\n/)
    expect(markdown).toContain('| \\<b\\>\\| |')
    expect(markdown).toContain('<summary>Negative flips (30)</summary>')
    // 20 flips are shown.
    expect(markdown.match(/^\| \d+ \| \\<b/gm)).toHaveLength(20)
  })
})

describe('the gate as JUnit XML', () => {
  it('marks an open rule as an error, so that a pipeline does not take it for a pass', () => {
    const xml = gateJunit(gate(answers('old', 0), answers('new', 2), { maxDrop: 0.02 }))
    expect(xml).toMatch(/name="drop"><error message="200 examples cannot tell/)
    expect(xml).toContain('<testsuite name="rules" tests="1" failures="0" errors="1" skipped="0">')
  })
  it('fails classes only where a rule forbids it, and escapes what XML cannot hold', () => {
    const [old, renewed] = [answers('old', 0, 'a<&"\u0001'), answers('new', 30, 'a<&"\u0001')]
    const free = gateJunit(gate(old, renewed, { maxDrop: 0.05 }))
    expect(free).toContain('name="a&lt;&amp;&quot;\\u0001"><skipped message="Outside the budget, not counted')
    const held = gateJunit(gate(old, renewed, { maxDrop: 0.05, maxDropPerClass: 0.05 }))
    expect(held).toContain('name="a&lt;&amp;&quot;\\u0001"><failure message="Outside its budget')
    expect(held).toContain('name="b"/>')
  })
})
