import { expect, it } from 'vitest'
import { type TrialPlace, trialMethod } from './trial-method.ts'

const place: TrialPlace = {
  ...{ trial: 1, protection: { replay: 1, distillation: 2 }, batchSize: 8 },
  ...{ oldRows: 40, oldClasses: 5, classes: 5 },
}

it('divides steps as the trial says, unless a share of old rows is given', () => {
  const { options } = trialMethod('replay+distil', {}, place)
  expect(options).toMatchObject({ perClass: 40, replayBatch: 8, newShare: 0.5, distillationWeight: 2 })
  const shared = trialMethod('replay+distil', { oldShare: 0.1 }, place)
  expect(shared.options).toMatchObject({ perClass: 40, oldShare: 0.1, distillationWeight: 2 })
  expect(shared.options).not.toHaveProperty('replayBatch')
  expect(shared.options).not.toHaveProperty('newShare')
  expect(() => trialMethod('replay', { oldShare: 0.1, replayBatch: 4 }, place)).toThrow(
    expect.objectContaining({ code: 'replay-share' }),
  )
})
