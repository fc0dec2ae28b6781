import { expect, test } from 'vitest'
import { syntheticDigits } from '../../data/catalogue/synthetic.ts'
import { type PlanInput, parsePlan } from './plan.ts'
import { preparePlan } from './prepare.ts'

const planned = (more: Partial<PlanInput>) =>
  parsePlan({
    ...{ stream: { kind: 'split' as const }, model: { kind: 'mlp' as const, hidden: [4] } },
    ...{ replicas: { count: 4, localSteps: 5 }, batchSize: 5, ...more },
  })
const prepared = (more: Partial<PlanInput>) =>
  preparePlan(planned(more), { data: [syntheticDigits({ train: 200, test: 20 })] })

test('a round is one call, and leaves a checkpoint unless it is told otherwise', () => {
  expect(prepared({})).toMatchObject({ stepsPerCall: 5, checkpointEvery: 5 })
  expect(prepared({ checkpointEvery: 20 })).toMatchObject({ stepsPerCall: 5, checkpointEvery: 20 })
})

test('passes over the data are those of all replicas together, steps are those of each', () => {
  // 40 rows a task, 4 replicas of 5 rows a step.
  expect(prepared({ epochs: 3 }).iterations).toBe(6)
  expect(prepared({ iterations: 6 }).iterations).toBe(6)
})

test.each([
  [{ evaluateEvery: 7 }, 'evaluateEvery is 7, but replicas are heard of every 5 steps only'],
  [{ checkpointEvery: 8 }, 'checkpointEvery is 8'],
  [{ earlyStopping: { every: 12 } }, 'earlyStopping.every is 12'],
])('%j is refused: nothing is known between exchanges', (more, why) => {
  expect(() => planned(more)).toThrow(why)
})

test.each([['si'], ['reservoir-replay'], ['ewc+der++']])('%s is refused, with its reason', (name) => {
  expect(() => prepared({ method: { name } })).toThrow(
    `The method ${name} cannot be trained by replicas. Its `,
  )
})
