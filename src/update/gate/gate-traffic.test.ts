import { describe, expect, it } from 'vitest'
import type { PredictionSet } from '../../data/formats/predictions.ts'
import { type GateOptions, gate } from './gate.ts'

/** 500 answers for each of two classes, of which so many are wrong. */
const answers = (name: string, wrong: readonly [often: number, seldom: number]): PredictionSet => ({
  name,
  predictions: ['often', 'seldom'].flatMap((label, at) =>
    Array.from({ length: 500 }, (_, n) => ({
      id: `${label} ${n}`,
      label,
      pred: n < (wrong[at] ?? 0) ? (label === 'often' ? 'seldom' : 'often') : label,
    })),
  ),
})
const old = answers('old', [0, 0])
const traffic = new Map([
  ['often', 97],
  ['seldom', 3],
])
const verdict = (wrong: readonly [number, number], more: Partial<GateOptions>) =>
  gate(old, answers('new', wrong), { maxDrop: 0.02, ...more }).verdict

describe('a gate that knows the traffic', () => {
  it('holds the drop as deployed, and tells that by class beside it', () => {
    expect(verdict([0, 60], { traffic })).toBe('pass')
    expect(verdict([0, 60], {})).toBe('fail')
    expect(verdict([25, 0], { traffic })).toBe('fail')
    const result = gate(old, answers('new', [25, 0]), { maxDrop: 0.02, traffic })
    expect(result.drop).toBeCloseTo(0.97 * 0.05, 12)
    expect(result.accuracy.candidate).toBeCloseTo(1 - 0.97 * 0.05, 12)
    expect(result).toMatchObject({
      weighing: 'deployed',
      budgetOn: 'deployed',
      balanced: { weighing: 'balanced' },
    })
    expect(result.balanced.drop).toBeCloseTo(0.025, 12)
    expect(result.rules[0]?.reason).toContain('The drop as deployed is 4.85 points')
  })
  it('holds the drop by class where it is asked to, or both', () => {
    expect(verdict([0, 60], { traffic, budgetOn: 'balanced' })).toBe('fail')
    const both = gate(old, answers('new', [0, 60]), { maxDrop: 0.02, traffic, budgetOn: 'both' })
    expect(both.rules.map(({ rule, verdict: found }) => [rule, found])).toEqual([
      ['drop', 'pass'],
      ['drop-by-class', 'fail'],
    ])
    expect(both.verdict).toBe('fail')
  })
  it('holds the total budget against golden in the same way', () => {
    const golden = old
    const before = answers('last', [10, 0])
    const options = { maxDrop: 0.02, golden, traffic }
    const found = gate(before, answers('new', [20, 0]), options)
    expect(found.golden?.drop).toBeCloseTo(0.97 * 0.04, 12)
    expect(found.rules.map(({ rule }) => rule)).toEqual(['drop', 'golden'])
    expect(found.verdict).toBe('fail')
    expect(gate(before, answers('new', [12, 0]), { ...options, maxDropTotal: 0.06 }).verdict).toBe('pass')
  })
  it('takes a class that has no example for lost, and refuses a label of which the traffic says nothing', () => {
    const more = new Map([...traffic, ['never seen', 25]])
    const found = gate(old, old, { maxDrop: 0.02, traffic: more })
    expect(found.verdict).toBe('inconclusive')
    expect(found.unseen).toBeCloseTo(0.2, 12)
    expect(found.rules[0]?.reason).toContain('classes of 20.00 % of the traffic have no example')
    expect(() => gate(old, old, { maxDrop: 0.02, traffic: new Map([['often', 1]]) })).toThrow(
      'say nothing of "seldom"',
    )
  })
})
