import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Prediction, PredictionSet } from '../../data/formats/predictions.ts'
import { gate } from './gate.ts'
import { flipRecords } from './gate-flips.ts'

const set = (name: string, predictions: readonly Prediction[]): PredictionSet => ({
  name,
  predictions,
  locate: (row) => `${name}, line ${row + 1}`,
})

interface Counts {
  readonly kept: number
  readonly negative: number
  readonly positive: number
  readonly wrong?: number
}

/** Predictions of two models on examples of one class that flip so often, class by class. */
function pair(classes: Readonly<Record<string, Counts>>): { old: PredictionSet; renewed: PredictionSet } {
  const rows = Object.entries(classes).flatMap(([label, { kept, negative, positive, wrong = 0 }]) =>
    (
      [
        [kept, true, true],
        [negative, true, false],
        [positive, false, true],
        [wrong, false, false],
      ] as const
    ).flatMap(([count, before, after]) => Array.from({ length: count }, () => ({ label, before, after }))),
  )
  const answers = (which: 'before' | 'after') =>
    rows.map((row, n) => ({
      id: `x${n}`,
      label: row.label,
      pred: row[which] ? row.label : 'other',
    }))
  return { old: set('old.jsonl', answers('before')), renewed: set('new.jsonl', answers('after')) }
}

const ruleOf = (result: ReturnType<typeof gate>, name: string) =>
  result.rules.find(({ rule }) => rule === name)

describe('the verdict', () => {
  it('passes where the drop is shown to be inside the budget, with figures as worked out by hand', () => {
    const { old, renewed } = pair({ a: { kept: 8900, negative: 40, positive: 30, wrong: 1030 } })
    const result = gate(old, renewed, { maxDrop: 0.01 })
    expect(result).toMatchObject({
      schema: 'holdfast.gate/1',
      verdict: 'pass',
      n: 10_000,
      accuracy: { baseline: 0.894, candidate: 0.893 },
      drop: 0.001,
      budget: 0.01,
      flips: { negative: 40, positive: 30 },
      negativeFlipRate: 0.004,
      golden: null,
      neverFlip: null,
    })
    expect(result.upper).toBeLessThan(0.01)
    // Clopper and Pearson: P(X <= 40) = 0.05 for X ~ Binomial(10000, 0.005204).
    expect(result.negativeFlipRateUpper).toBeCloseTo(0.005204, 6)
    expect(result.rules).toHaveLength(1)
    expect(result.rules[0]?.reason).toContain('The drop is 0.10 points and, with 95 % confidence, at most')
  })
  it('fails where the drop is shown to be outside', () => {
    const { old, renewed } = pair({ a: { kept: 900, negative: 80, positive: 20 } })
    const result = gate(old, renewed, { maxDrop: 0.01 })
    expect(result.verdict).toBe('fail')
    expect(result.lower).toBeGreaterThan(0.01)
    expect(result.rules[0]?.reason).toContain('outside the budget of 1.00 points')
  })
  it('is inconclusive between, and says how many examples would be needed', () => {
    const { old, renewed } = pair({ a: { kept: 97, negative: 2, positive: 1 } })
    const result = gate(old, renewed, { maxDrop: 0.05 })
    expect(result.verdict).toBe('inconclusive')
    expect(result.lower).toBeLessThan(0.05)
    expect(result.upper).toBeGreaterThan(0.05)
    expect(result.neededN).toBeGreaterThan(100)
    expect(result.rules[0]?.reason).toContain(`about ${result.neededN} examples would be needed`)
  })
  it('does not take a small drop over many releases for a small one: golden has its own rule', () => {
    const { old, renewed } = pair({ a: { kept: 1960, negative: 20, positive: 20 } })
    // The golden model was right on 100 examples that neither of the two newer ones is.
    const golden = set(
      'golden.jsonl',
      old.predictions.map((each, n) => ({ ...each, pred: n < 1980 ? 'a' : 'other' })),
    )
    const worn = set(
      'new.jsonl',
      renewed.predictions.map((each, n) => ({ ...each, pred: n < 120 ? 'other' : each.pred })),
    )
    const previous = set(
      'old.jsonl',
      old.predictions.map((each, n) => ({ ...each, pred: n < 120 ? 'other' : each.pred })),
    )
    expect(gate(previous, worn, { maxDrop: 0.01 }).verdict).toBe('pass')
    const result = gate(previous, worn, { maxDrop: 0.01, golden })
    expect(result.verdict).toBe('fail')
    expect(result.golden).toMatchObject({ name: 'golden.jsonl', budget: 0.01, verdict: 'fail' })
    expect(ruleOf(result, 'drop')?.verdict).toBe('pass')
    expect(gate(previous, worn, { maxDrop: 0.01, golden, maxDropTotal: 0.1 }).verdict).toBe('pass')
  })
  it('fails for a class only where classes have a budget, and reports it always', () => {
    const { old, renewed } = pair({
      common: { kept: 4900, negative: 5, positive: 15, wrong: 80 },
      rare: { kept: 60, negative: 30, positive: 0, wrong: 10 },
      other: { kept: 900, negative: 10, positive: 10, wrong: 80 },
    })
    const free = gate(old, renewed, { maxDrop: 0.01 })
    expect(free.verdict).toBe('pass')
    expect(free.perClass.map(({ name, verdict }) => [name, verdict])[0]).toEqual(['rare', 'worse'])
    const held = gate(old, renewed, { maxDrop: 0.01, maxDropPerClass: 0.1 })
    expect(held.verdict).toBe('fail')
    expect(ruleOf(held, 'classes')?.reason).toBe(
      '1 class of 3 lost more than 10.00 points: rare (30.00 points).',
    )
  })
  it('corrects for the number of classes: one bad class among many may be chance', () => {
    // 9 of 22 lost against a budget of 15 %.
    const lone = { kept: 13, negative: 9, positive: 0 }
    const steady = { kept: 20, negative: 0, positive: 0 }
    const alone = pair({ lone })
    const among = pair({
      lone,
      ...Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`class ${n}`, steady])),
    })
    const options = { maxDrop: 0.5, maxDropPerClass: 0.15 }
    const one = gate(alone.old, alone.renewed, options).perClass[0]
    const many = gate(among.old, among.renewed, options).perClass[0]
    expect([one?.name, one?.verdict, many?.name, many?.verdict]).toEqual(['lone', 'worse', 'lone', 'unclear'])
    expect(many?.outsideP).toBeCloseTo(31 * (one?.outsideP ?? 0), 12)
  })
  it('counts a share of negative flips over the cap, however well it is made up for', () => {
    const { old, renewed } = pair({ a: { kept: 9800, negative: 100, positive: 100 } })
    expect(gate(old, renewed, { maxDrop: 0.01, maxNegativeFlips: 0.01 }).verdict).toBe('pass')
    const result = gate(old, renewed, { maxDrop: 0.01, maxNegativeFlips: 0.005 })
    expect([result.verdict, ruleOf(result, 'negative-flips')?.verdict]).toEqual(['fail', 'fail'])
  })
  it('fails where a listed example flips, and not where it was wrong all along', () => {
    const { old, renewed } = pair({ a: { kept: 9997, negative: 1, positive: 1, wrong: 1 } })
    const listed = (...ids: string[]) => ids.map((id) => ({ id }))
    const hold = (...ids: string[]) => gate(old, renewed, { maxDrop: 0.01, neverFlip: listed(...ids) })
    expect(hold('x0', 'x9999').neverFlip).toEqual({ listed: 2, broken: [] })
    expect(hold('x0', 'x9997')).toMatchObject({
      verdict: 'fail',
      neverFlip: { listed: 2, broken: ['x9997'] },
    })
    expect(() => hold('y')).toThrow('"y" is no id of an example in new.jsonl')
  })
})

describe('slices', () => {
  it('compares an example in every slice that it is in', () => {
    const row = (id: string, pred: string, slices: readonly string[]) => ({ id, label: 'a', pred, slices })
    const old = set('old', [row('1', 'a', ['night', 'rain']), row('2', 'a', ['night']), row('3', 'a', [])])
    const renewed = set('new', [
      row('1', 'b', ['rain', 'night']),
      row('2', 'a', ['night']),
      row('3', 'a', []),
    ])
    const { slices } = gate(old, renewed, { maxDrop: 0.01 })
    expect(slices.map(({ name, n, drop }) => [name, n, drop])).toEqual([
      ['rain', 1, 1],
      ['night', 2, 0.5],
    ])
  })
})

describe('flips', () => {
  it('lists negative ones first, with labels and probabilities', () => {
    const old = set('old', [
      { id: '1', label: 'a', pred: 'b', probs: { b: 0.6 } },
      { id: '2', label: 'a', pred: 'a', probs: { a: 0.9 } },
      { id: '3', label: 'a', pred: 'a' },
    ])
    const renewed = set('new', [
      { id: '3', label: 'a', pred: 'a' },
      { id: '2', label: 'a', pred: 'b', probs: { b: 0.7 } },
      { id: '1', label: 'a', pred: 'a' },
    ])
    expect(flipRecords(old, renewed)).toEqual([
      {
        id: '2',
        flip: 'negative',
        label: 'a',
        before: { pred: 'a', probability: 0.9 },
        after: { pred: 'b', probability: 0.7 },
        slices: [],
      },
      {
        id: '1',
        flip: 'positive',
        label: 'a',
        before: { pred: 'b', probability: 0.6 },
        after: { pred: 'a', probability: null },
        slices: [],
      },
    ])
  })
})

describe('predictions that do not belong together', () => {
  const row = { id: '1', label: 'a', pred: 'a' }
  it.each([
    ['an id that one file lacks', [row, { ...row, id: '2' }], [row], 'predictions-unpaired', 'old, line 2'],
    ['an id that stands twice', [row], [row, row], 'predictions-duplicate', 'new, line 2'],
    ['labels that differ', [row], [{ ...row, label: 'b' }], 'predictions-label', 'new, line 1'],
    [
      'slices that differ',
      [{ ...row, slices: ['s'] }],
      [{ ...row, slices: ['t'] }],
      'predictions-slice',
      'new, line 1',
    ],
    ['no predictions', [], [row], 'predictions-empty', 'old has no predictions'],
  ])('%s', (_, old, renewed, code, place) => {
    const run = () => gate(set('old', old), set('new', renewed), { maxDrop: 0.01 })
    expect(run).toThrow(expect.objectContaining({ code }))
    expect(run).toThrow(place)
  })
})

describe('whatever the counts', () => {
  const counts = fc.record({
    // One more negative flip takes one of these; a side without one right answer is refused.
    kept: fc.integer({ min: 2, max: 60 }),
    negative: fc.nat(30),
    positive: fc.nat(30),
    wrong: fc.nat(20),
  })
  it('changes sides when the models do', () => {
    fc.assert(
      fc.property(counts, (some) => {
        const { old, renewed } = pair({ a: some })
        const there = gate(old, renewed, { maxDrop: 0.05 })
        const back = gate(renewed, old, { maxDrop: 0.05 })
        expect(there.drop).toBeCloseTo(-back.drop, 12)
        expect(there.upper).toBeCloseTo(-back.lower, 9)
        expect(there.mcnemarP).toBeCloseTo(back.mcnemarP, 12)
        expect(there.flips.negative).toBe(back.flips.positive)
      }),
      { numRuns: 40 },
    )
  })
  it('never gets better by one more negative flip, nor worse by a larger budget', () => {
    const rank = { fail: 0, inconclusive: 1, pass: 2 } as const
    fc.assert(
      fc.property(counts, fc.double({ min: 0, max: 0.4, noNaN: true }), (some, budget) => {
        const { old, renewed } = pair({ a: some })
        const worse = pair({ a: { ...some, kept: some.kept - 1, negative: some.negative + 1 } })
        const verdict = gate(old, renewed, { maxDrop: budget }).verdict
        expect(rank[gate(worse.old, worse.renewed, { maxDrop: budget }).verdict]).toBeLessThanOrEqual(
          rank[verdict],
        )
        expect(rank[gate(old, renewed, { maxDrop: budget + 0.1 }).verdict]).toBeGreaterThanOrEqual(
          rank[verdict],
        )
      }),
      { numRuns: 60 },
    )
  })
})
