import fc from 'fast-check'
import { expect, test } from 'vitest'
import { randomStream } from '../../tensor/random.ts'
import { batchPlan, resumeBatchPlan } from './batches.ts'

test('an epoch takes each sample once, and the next in another order', () => {
  const plan = batchPlan(12, 4, randomStream(1, 'b'))
  const first = Array.from(plan.next(3))
  const second = Array.from(plan.next(3))
  const all = Array.from({ length: 12 }, (_, i) => i)
  expect(first.toSorted((a, b) => a - b)).toEqual(all)
  expect(second.toSorted((a, b) => a - b)).toEqual(all)
  expect(second).not.toEqual(first)
})

test('the incomplete last batch is dropped, or filled from the next epoch', () => {
  const dropping = batchPlan(10, 4, randomStream(1, 'b'))
  expect(dropping.stepsPerEpoch).toBe(2)
  for (let epoch = 0; epoch < 5; epoch++) expect(new Set(dropping.next(2)).size).toBe(8)
  const running = batchPlan(10, 4, randomStream(1, 'b'), { dropLast: false })
  expect(new Set(running.next(5).subarray(0, 10)).size).toBe(10)
  expect(running.state().epoch).toBe(1)
})

test('fewer samples than a batch', () => {
  expect(Array.from(batchPlan(3, 6, randomStream(1, 'b')).next(1)).toSorted()).toEqual([0, 0, 1, 1, 2, 2])
})

test('resumed anywhere, through JSON, it goes on the same; and asking in other portions changes nothing', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      fc.nat(12),
      (n, batchSize, dropLast, steps) => {
        const whole = batchPlan(n, batchSize, randomStream(5, 'b'), { dropLast }).next(steps + 10)
        const plan = batchPlan(n, batchSize, randomStream(5, 'b'), { dropLast })
        const before = plan.next(steps)
        const resumed = resumeBatchPlan(JSON.parse(JSON.stringify(plan.state())))
        const after = resumed.next(10)
        expect([...before, ...after]).toEqual([...whole])
        plan.next(10)
        expect(resumed.state()).toEqual(plan.state())
      },
    ),
  )
})

test('senseless sizes and states are refused', () => {
  expect(() => batchPlan(0, 4, randomStream(1, 'b'))).toThrow('as n, but it is 0')
  expect(() => batchPlan(4, 1.5, randomStream(1, 'b'))).toThrow('as batchSize, but it is 1.5')
  const state = batchPlan(4, 2, randomStream(1, 'b')).state()
  expect(() => resumeBatchPlan({ ...state, position: 9 })).toThrow('not where a batch plan can stand')
})
