import { expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { mlp } from '../model/layers/networks.ts'
import { required } from '../required.ts'
import { float32, toNumbers } from '../tensor/tensor.ts'
import { compose } from './compose.ts'
import { classOf } from './head-correction.ts'
import { type ConsolidateContext, emptyState } from './method.ts'
import { nearestMean } from './nearest-mean.ts'
import { replay } from './replay.ts'
import { weightAligning } from './weight-aligning.ts'

const stream = toyStream('class')
const model = mlp({ widths: [2, 6], seed: 0 })
const [weight = '', bias = ''] = [...model.parameters.keys()]
/** Rows of length 1, 3 (old), 8, 2 (new), 7, 7 (to come). */
const parameters = new Map([
  [weight, float32([6, 2], [1, 0, 0, 3, 8, 0, 0, -2, 7, 0, 7, 0])],
  [bias, float32([6], [1, 2, 3, 4, 5, 6])],
])
const after = async (index: number, given: Partial<ConsolidateContext> = {}) =>
  (
    await weightAligning().consolidate?.(
      emptyState,
      endOfTask(stream, index, { model, parameters, ...given }),
    )
  )?.parameters

it('makes the mean length of new rows that of old ones, by hand, and leaves the rest', async () => {
  // (1 + 3) / 2 over (8 + 2) / 2 = 0.4.
  const found = await after(1)
  expect([...(found?.keys() ?? [])]).toEqual([weight])
  const rows = toNumbers(required(found ?? new Map(), weight, 'parameter'))
  ;[1, 0, 0, 3, 3.2, 0, 0, -0.8, 7, 0, 7, 0].forEach((value, at) => {
    expect(rows[at]).toBeCloseTo(value, 6)
  })
})

it('changes nothing after the first task, and nothing where no class joins', async () => {
  expect(await after(0)).toBeUndefined()
  expect(
    await after(1, {
      units: [
        [0, 1],
        [0, 1],
      ],
    }),
  ).toBeUndefined()
})

it('finds classes along any axis of the weight', () => {
  const of = (dims: number[], classAxis: number) => {
    const tensor = float32(dims)
    return [...tensor.data.keys()].map(classOf({ name: 'w', tensor, classAxis }))
  }
  expect(of([2, 3], 0)).toEqual([0, 0, 0, 1, 1, 1])
  expect(of([2, 3], 1)).toEqual([0, 1, 2, 0, 1, 2])
  expect(of([2, 2, 1, 2], 1)).toEqual([0, 0, 1, 1, 0, 0, 1, 1])
})

it('is what goes on training and what is exported', async () => {
  const { result } = await runToEnd(
    toyOptions({ stream, method: compose(weightAligning(), replay({ perClass: 3 })) }),
  )
  const rows = toNumbers(required(result.model.parameters, 'layers.2.weight', 'parameter'))
  const length = (unit: number) => Math.hypot(...rows.slice(unit * 7, (unit + 1) * 7))
  const old = [0, 1, 2, 3].reduce((sum, unit) => sum + length(unit), 0) / 4
  expect((length(4) + length(5)) / 2).toBeCloseTo(old, 5)
})

it('is for classes that join one head that trains and is read', async () => {
  const frozen = endOfTask(stream, 1, { model, parameters: new Map([[bias, float32([6])]]) })
  await expect(weightAligning().consolidate?.(emptyState, frozen)).rejects.toThrow(
    expect.objectContaining({ code: 'weight-aligning-head' }),
  )
  const domain = toyOptions({ stream: toyStream('domain'), method: weightAligning() })
  await expect(runToEnd(domain)).rejects.toThrow(
    expect.objectContaining({ code: 'weight-aligning-scenario' }),
  )
  expect(() => compose(nearestMean(), weightAligning())).toThrow(
    expect.objectContaining({ code: 'compose-refused' }),
  )
})
