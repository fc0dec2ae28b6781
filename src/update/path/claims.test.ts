import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gate } from '../gate/gate.ts'
import { type Budget, claimsFor, judgeClaims, verdictOf } from './claims.ts'
import { seenInside, statusOf } from './decide.ts'
import { confidenceAfter, levelFor } from './reuse.ts'

/** 1,000 rows of each of two classes. What is right answers the label, what is wrong the other class. */
const labels = Int32Array.from({ length: 2000 }, (_, row) => (row < 1000 ? 0 : 1))
/** Answers of which so many of each class are wrong: the first, or those behind so many. */
const answers = (wrong: readonly [number, number], from = 0) =>
  labels.map((label, row) => {
    const place = row % 1000
    return place >= from && place < from + (wrong[label] ?? 0) ? 1 - label : label
  })
const chosen = { proven: true }

function judged(
  budget: Budget,
  after: Int32Array,
  more: {
    readonly traffic?: readonly number[]
    readonly first?: Int32Array
    readonly before?: Int32Array
  } = {},
) {
  const { before = answers([0, 0]), traffic, first } = more
  const claims = judgeClaims(
    claimsFor({ budget, before, labels, traffic, first }),
    after,
    labels,
    budget.confidence,
  )
  return {
    claims,
    status: statusOf(chosen, claims),
    named: new Map(claims.map((claim) => [claim.name, claim])),
  }
}

describe('the drop as deployed', () => {
  const lost = answers([40, 0])

  test('weighs a class as often as it comes: what few rows of it lost is little, or is much', () => {
    expect(judged({ maxDrop: 0.01 }, lost, { traffic: [0.05, 0.95] }).status).toBe('met')
    expect(judged({ maxDrop: 0.01 }, lost, { traffic: [0.95, 0.05] }).status).toBe('not-met')
    const { named } = judged({ maxDrop: 0.01 }, lost, { traffic: [0.95, 0.05] })
    expect(named.get('deployed')?.drop).toBeCloseTo(0.95 * 0.04, 12)
    expect(named.get('deployed')?.after).toBeCloseTo(1 - 0.95 * 0.04, 12)
    expect(named.get('balanced')?.drop).toBeCloseTo(0.02, 12)
  })

  test('is told beside that by class, and which of them holds the budget is said', () => {
    const traffic = [0.05, 0.95]
    expect(judged({ maxDrop: 0.01, on: 'balanced' }, lost, { traffic }).status).toBe('not-met')
    expect(judged({ maxDrop: 0.01, on: 'both' }, lost, { traffic }).status).toBe('not-met')
    const { claims } = judged({ maxDrop: 0.01 }, lost, { traffic })
    // What is only told has no verdict: nobody asked for a test.
    expect(claims.map(({ name, maxDrop, verdict }) => [name, maxDrop, verdict])).toEqual([
      ['deployed', 0.01, 'pass'],
      ['balanced', null, null],
    ])
    expect(judged({ maxDrop: 0.01, on: 'balanced' }, lost, { traffic }).claims[0]?.name).toBe('balanced')
  })

  test('knows nothing of a class that has no row, and shows nothing where that comes often', () => {
    const { claims, status } = judged({ maxDrop: 0.01 }, answers([0, 0]), { traffic: [0.5, 0.3, 0.2] })
    expect(claims[0]).toMatchObject({ drop: 0, neededN: null })
    expect(claims[0]?.unseen).toBeCloseTo(0.2, 12)
    expect(claims[0]?.upper).toBeGreaterThan(0.2)
    expect(status).toBe('inconclusive')
  })
})

describe('the budget since the first release', () => {
  // The release before lost 15 rows of each class, which the first had right; this one loses 15 more.
  const before = answers([15, 15])
  const after = answers([30, 30])
  const first = answers([0, 0])

  test('is held, too: ten releases that each keep theirs do not lose ten budgets', () => {
    expect(judged({ maxDrop: 0.025 }, after, { before }).status).toBe('met')
    const { status, named } = judged({ maxDrop: 0.025 }, after, { before, first })
    expect(status).toBe('inconclusive')
    expect(named.get('total')).toMatchObject({ maxDrop: 0.025, drop: 0.03 })
    expect(judged({ maxDrop: 0.015, maxDropTotal: 0.02 }, answers([60, 60]), { before, first }).status).toBe(
      'not-met',
    )
    expect(judged({ maxDrop: 0.025, maxDropTotal: 0.05 }, after, { before, first }).status).toBe('met')
  })

  test('is tested at a lower level the more releases the rows have proved, that of the last release is not', () => {
    const claims = claimsFor({
      budget: { maxDrop: 0.025, maxDropTotal: 0.05 },
      before,
      labels,
      first,
      uses: 4,
    })
    const reused = judgeClaims(claims, after, labels, undefined)
    const { claims: fresh } = judged({ maxDrop: 0.025, maxDropTotal: 0.05 }, after, { before, first })
    for (const [at, { name, confidence, upper, drop }] of reused.entries()) {
      const since = name.startsWith('total')
      expect(confidence).toBeCloseTo(since ? 0.99875 : 0.95, 12)
      expect(drop).toBe(fresh[at]?.drop)
      if (since) expect(upper).toBeGreaterThan(Number(fresh[at]?.upper))
      else expect(upper).toBe(fresh[at]?.upper)
    }
    expect(levelFor(0.05, 0)).toBe(0.05)
    // All releases to come together spend half the level of one.
    const spent = Array.from({ length: 10_000 }, (_, at) => levelFor(0.05, at + 1))
    expect(spent.reduce((sum, level) => sum + level, 0)).toBeCloseTo(0.025, 4)
    expect(confidenceAfter(1e9)).toBe(0.999999)
  })

  test('is of the rows and classes that it was asked about', () => {
    const part = first.map((unit, row) => (row < 1000 ? unit : -1))
    const { named } = judged({ maxDrop: 0.05 }, answers([30, 900]), {
      before,
      first: part,
      traffic: [0.5, 0.5],
    })
    expect(named.get('total')).toMatchObject({ n: 1000, drop: 0.03, unseen: 0 })
    expect(judged({ maxDrop: 0.05 }, after, { before, first: first.map(() => -1) }).claims).toHaveLength(2)
  })
})

describe('a budget for each class', () => {
  const budget = { maxDrop: 0.05, maxDropPerClass: 0.02 }

  test('fails where one class is shown to have lost more, though all together keep theirs', () => {
    const { status, named } = judged(budget, answers([60, 0]))
    expect(named.get('deployed')?.verdict).toBe('pass')
    expect(named.get('classes')).toMatchObject({ verdict: 'fail', class: '0', drop: 0.06, maxDrop: 0.02 })
    expect(named.get('classes')?.worse).toEqual([{ name: '0', drop: 0.06 }])
    expect(named.get('classes')?.lower).toBeGreaterThan(0.02)
    expect(status).toBe('not-met')
    expect(judged({ maxDrop: 0.05 }, answers([60, 0])).status).toBe('met')
  })

  test('is not broken by what is only seen: 25 of 1,000 rows do not show more than 2 points', () => {
    const { status, named, claims } = judged(budget, answers([25, 0]))
    expect(named.get('classes')).toMatchObject({ verdict: 'pass', drop: 0.025, worse: [] })
    expect(status).toBe('met')
    expect(seenInside({ claims })).toBe(true)
  })

  test('holds since the first release, too', () => {
    const before = answers([40, 0])
    const { named, status } = judged(budget, answers([60, 0]), { before, first: answers([0, 0]) })
    expect(named.get('classes')?.verdict).toBe('pass')
    expect(named.get('total-classes')?.verdict).toBe('fail')
    expect(status).toBe('not-met')
  })

  test("is the gate's rule: what one of them calls broken the other does", () => {
    const counts = fc.array(
      fc.record({ total: fc.integer({ min: 1, max: 200 }), lost: fc.nat(60), won: fc.nat(20) }),
      {
        minLength: 2,
        maxLength: 8,
      },
    )
    fc.assert(
      fc.property(
        counts,
        fc.constantFrom(0, 0.01, 0.05, 0.1),
        fc.constantFrom(0.9, 0.95),
        (classes, limit, confidence) => {
          const rows = classes.flatMap(({ total, lost, won }, unit) =>
            Array.from({ length: total }, (_, row) => ({
              label: unit,
              before: row < lost || row >= lost + won ? unit : -2,
              after: row < lost ? -2 : unit,
            })),
          )
          const of = (field: 'label' | 'before' | 'after') =>
            Int32Array.from(rows, (row) =>
              row[field] === -2 ? (row.label + 1) % classes.length : row[field],
            )
          const given = { maxDrop: 0.99, maxDropPerClass: limit, confidence }
          const claims = judgeClaims(
            claimsFor({ budget: given, before: of('before'), labels: of('label') }),
            of('after'),
            of('label'),
            confidence,
          )
          const side = (name: string, field: 'before' | 'after') => ({
            name,
            predictions: rows.map((row, id) => ({
              ...{ id: String(id), label: String(row.label) },
              pred: String(row[field] === -2 ? (row.label + 1) % classes.length : row[field]),
            })),
          })
          const { rules, perClass } = gate(side('a', 'before'), side('b', 'after'), given)
          const own = claims.find(({ name }) => name === 'classes')
          expect(own?.verdict).toBe(rules.find(({ rule }) => rule === 'classes')?.verdict)
          expect(own?.worse?.map(({ name }) => name).sort()).toEqual(
            perClass
              .filter(({ verdict }) => verdict === 'worse')
              .map(({ name }) => name)
              .sort(),
          )
        },
      ),
      { numRuns: 60 },
    )
  })
})

test('a verdict passes only where all that is held passes, and more that is held never gives more', () => {
  const order = { fail: 0, inconclusive: 1, pass: 2 }
  fc.assert(
    fc.property(fc.nat(60), fc.nat(60), fc.nat(40), (a, b, shift) => {
      const more = { traffic: [0.8, 0.2], first: answers([0, 0]), before: answers([10, 10], shift) }
      const verdict = (budget: Budget) => verdictOf(judged(budget, answers([a, b]), more).claims)
      const [deployed, balanced, both] = (['deployed', 'balanced', 'both'] as const).map((on) =>
        verdict({ maxDrop: 0.02, maxDropTotal: 0.04, on }),
      )
      if (!deployed || !balanced || !both) throw new Error('no verdicts')
      expect(both === 'pass').toBe(deployed === 'pass' && balanced === 'pass')
      expect(order[both]).toBeLessThanOrEqual(Math.min(order[deployed], order[balanced]))
      const { claims } = judged({ maxDrop: 0.02, maxDropTotal: 0.04, on: 'both' }, answers([a, b]), more)
      if (both === 'pass')
        for (const { upper, maxDrop } of claims) expect(upper).toBeLessThanOrEqual(maxDrop ?? 1)
    }),
    { numRuns: 60 },
  )
})
