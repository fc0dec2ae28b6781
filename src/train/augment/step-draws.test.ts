import { expect, it } from 'vitest'
import { createDataset } from '../../data/dataset.ts'
import type { BatchSource } from '../../methods/method.ts'
import { required } from '../../required.ts'
import { toNumbers } from '../../tensor/tensor.ts'
import { stepDraws } from './step-draws.ts'

const dataset = createDataset({
  name: 'black',
  inputs: { type: 'uint8', dims: [1, 1, 4, 4], data: new Uint8Array(16) },
  labels: { type: 'int32', dims: [1], data: Int32Array.of(0) },
  classes: ['one'],
})
const source = (name: string, size: number, more: Partial<BatchSource> = {}): BatchSource => ({
  ...{ name, dataset, tasks: 0, size, weight: 0.5 },
  ...more,
})
const given = {
  spec: { flip: 1, mixup: 1 },
  image: { type: 'uint8', channels: 1, height: 4, width: 4, channelAxis: 1 },
  sources: [
    source('new', 3),
    source('replay', 4),
    source('reference', 2, { weight: 0 }),
    source('unlabelled', 2, { weight: 0, labelled: false }),
  ],
  ...{ seed: 1, task: 0, from: 0, count: 1 },
} as const

it('new and replayed rows are augmented, and those without labels are not', () => {
  const place = toNumbers(required(stepDraws(given), 'place', 'column'))
  const steps = place.filter((_, at) => at % 3 === 2)
  expect(steps).toEqual([-1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1])
})

it('rows are mixed within their part, and not where they carry no share of the loss', () => {
  const found = stepDraws(given)
  const partner = toNumbers(required(found, 'partner', 'column'))
  const [fresh, replayed, others] = [partner.slice(0, 3), partner.slice(3, 7), partner.slice(7)]
  expect([...fresh].sort()).toEqual([0, 1, 2])
  expect([...replayed].sort()).toEqual([3, 4, 5, 6])
  expect(others).toEqual([7, 8, 9, 10])
  expect(toNumbers(required(found, 'share', 'column')).slice(7)).toEqual([1, 1, 1, 1])
})

it('a step is drawn alike in whatever call it is, and other than in another task or from another seed', () => {
  const share = (more: object) => toNumbers(required(stepDraws({ ...given, ...more }), 'share', 'column'))
  const all = share({ count: 4 })
  expect(all).toHaveLength(44)
  expect(share({ from: 2, count: 2 })).toEqual(all.slice(22))
  expect(share({ task: 1 })).not.toEqual(all.slice(0, 11))
  expect(share({ seed: 2 })).not.toEqual(all.slice(0, 11))
})
