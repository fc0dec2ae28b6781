import { expect, it } from 'vitest'
import { runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { required } from '../required.ts'
import type { Scenario } from '../tasks/stream.ts'
import { toNumbers } from '../tensor/tensor.ts'
import { compose } from './compose.ts'
import { erAce } from './er-ace.ts'
import { logitAdjustment } from './logit-adjustment.ts'
import type { Method } from './method.ts'
import { replay } from './replay.ts'
import { weightAligning } from './weight-aligning.ts'

const BIAS = 'layers.2.bias'

/** What the read model's biases have more than the trained ones. */
async function addedBy(method: Method, scenario: Scenario = 'class') {
  const { result } = await runToEnd(toyOptions({ stream: toyStream(scenario), method, iterations: 4 }))
  const trained = toNumbers(required(result.parameters, BIAS, 'parameter'))
  const read = toNumbers(required(result.model.parameters, BIAS, 'parameter'))
  return read.map((value, unit) => value - (trained[unit] ?? 0))
}

it('takes tau log prior out of the logits, the prior being each class’s share of the loss, by hand', async () => {
  // Two new classes with 0.8 of the loss, four old ones with 0.2.
  const method = compose(
    logitAdjustment({ tau: 2 }),
    replay({ perClass: 5, newShare: (k) => (k > 1 ? 0.8 : 1) }),
  )
  const found = await addedBy(method)
  ;[0.05, 0.05, 0.05, 0.05, 0.4, 0.4].forEach((prior, unit) => {
    expect(found[unit]).toBeCloseTo(-2 * Math.log(prior), 5)
  })
})

it('changes no answer where all classes have the same share, and reads each head by its own', async () => {
  const even = await addedBy(compose(replay({ perClass: 3 }), logitAdjustment()))
  for (const value of even) expect(value).toBeCloseTo(Math.log(6), 5)
  const heads = await addedBy(logitAdjustment(), 'task')
  for (const value of heads) expect(value).toBeCloseTo(Math.log(2), 5)
})

it('is refused where old classes have no share of the loss, before a task is trained', async () => {
  for (const method of [logitAdjustment(), compose(logitAdjustment(), erAce({ capacity: 9 }))]) {
    await expect(addedBy(method)).rejects.toThrow(expect.objectContaining({ code: 'logit-adjustment-prior' }))
  }
  const shared = compose(logitAdjustment(), replay({ perClass: 3, oldShare: 0.25 }))
  await expect(addedBy(shared)).rejects.toThrow(/oldShare/)
  const reservoir = compose(logitAdjustment(), replay({ capacity: 9 }))
  await expect(addedBy(reservoir)).rejects.toThrow(/a reservoir/)
})

it('is one correction too many beside another', () => {
  expect(() => compose(weightAligning(), logitAdjustment())).toThrow(
    expect.objectContaining({ code: 'compose-refused' }),
  )
})
