import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeDrop } from './verdict.ts'
import { judgeWeighted, strataOf } from './weighted-verdict.ts'

const kind = (share: number, negative: number, positive: number, total: number) => ({
  share,
  counts: { negative, positive, total },
})

describe('a weighted drop against a budget', () => {
  it('is the plain verdict where every example counts the same', () =>
    fc.assert(
      fc.property(fc.nat(30), fc.nat(30), fc.integer({ min: 1, max: 4 }), (b, c, parts) => {
        const strata = Array.from({ length: parts }, (_, at) =>
          kind(1 / parts, at === 0 ? b : 0, at === 0 ? c : 0, 100),
        )
        const plain = judgeDrop({ negative: b, positive: c, total: 100 * parts }, { budget: 0.05 })
        const { verdict, upper, lower, neededN } = judgeWeighted(strata, { budget: 0.05 })
        expect([verdict, upper, lower, neededN]).toEqual([
          plain.verdict,
          plain.upper,
          plain.lower,
          plain.neededN,
        ])
      }),
      { numRuns: 50 },
    ))
  it('sees a loss in a class that comes often, and passes over one in a class that hardly comes', () => {
    const often = [kind(0.9, 12, 0, 200), kind(0.1, 0, 0, 200)]
    const seldom = [kind(0.99, 0, 0, 400), kind(0.01, 40, 0, 200)]
    expect(judgeWeighted(often, { budget: 0.02 }).verdict).toBe('fail')
    expect(judgeWeighted(seldom, { budget: 0.02 }).verdict).toBe('pass')
    expect(judgeWeighted(strataOf([]), { budget: 0.02 }).verdict).toBe('inconclusive')
  })
  it('says how many examples it would take, and none where a class has no examples', () => {
    const few = [kind(0.7, 1, 0, 60), kind(0.3, 0, 0, 60)]
    const { verdict, neededN } = judgeWeighted(few, { budget: 0.02 })
    expect(verdict).toBe('inconclusive')
    expect(neededN).toBeGreaterThan(120)
    expect(
      judgeWeighted([...few.map((each) => ({ ...each, share: each.share / 2 })), kind(0.5, 0, 0, 0)], {
        budget: 0.02,
      }).neededN,
    ).toBeNull()
  })
  it('counts examples by class', () => {
    const strata = strataOf(
      [
        { label: 'a', before: true, after: false },
        { label: 'a', before: true, after: true },
        { label: 'b', before: false, after: true },
      ],
      new Map([
        ['a', 3],
        ['c', 1],
      ]),
    )
    expect(strata).toEqual([kind(0.75, 1, 0, 2), kind(0.25, 0, 0, 0)])
  })
})
