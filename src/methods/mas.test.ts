import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { toyModel, toyStream } from '../../test/toy-learning.ts'
import type { Dataset } from '../data/dataset.ts'
import { batchNorm2d, flatten, mlp, network, sequential } from '../model/layers/index.ts'
import { itemAt, required } from '../required.ts'
import { float32, toNumbers } from '../tensor/tensor.ts'
import { mas } from './mas.ts'
import { emptyState, type OpeningContext } from './method.ts'

const stream = toyStream('class')
const model = mlp({ widths: [2, 2], seed: 0 })
const [weight = '', bias = ''] = [...model.parameters.keys()]
/** f(x) = W x + b with W = [[1, 2], [0, -1]], b = [0, 1]. */
const parameters = new Map([
  [weight, float32([2, 2], [1, 2, 0, -1])],
  [bias, float32([2], [0, 1])],
])
const rowsOf = (...rows: number[][]): Dataset => ({
  ...itemAt(stream.tasks, 0, 'task').train,
  inputs: float32([rows.length, 2], rows.flat()),
  labels: { type: 'int32', dims: [rows.length], data: new Int32Array(rows.length) },
})

const importanceOf = async (train: Dataset, active?: readonly number[]) => {
  const context = endOfTask(stream, 0, { model, parameters, train, active })
  const { tensors } = await rememberedBy(mas(), emptyState, context)
  return [`importance/${weight}`, `importance/${bias}`].map((key) =>
    toNumbers(required(tensors, key, 'importance')),
  )
}

describe('the importance', () => {
  // |f|^2 has the gradient 2 f x^T by W and 2 f by b.
  it('is the size of the gradient of |f|^2, by hand', async () => {
    // f(1, 1) = (3, 0): 2 f x^T = [[6, 6], [0, 0]].
    expect(await importanceOf(rowsOf([1, 1]))).toEqual([
      [6, 6, 0, 0],
      [6, 0],
    ])
  })

  it('adds up sizes, row by row: rows whose gradients point apart do not cancel', async () => {
    // f(1, 0) = (1, 1): [[2, 0], [2, 0]] and (2, 2); f(-2, 0) = (-2, 1): [[8, 0], [-4, 0]] and (-4, 2).
    expect(await importanceOf(rowsOf([1, 0], [-2, 0]))).toEqual([
      [5, 0, 3, 0],
      [3, 2],
    ])
  })

  it('is of the task’s own units, and of no labels', async () => {
    const rows = rowsOf([1, 0], [-2, 0])
    expect(await importanceOf(rows, [1])).toEqual([
      [0, 0, 3, 0],
      [0, 2],
    ])
    const others = { ...rows, labels: { ...rows.labels, data: Int32Array.of(5, 3) } } as Dataset
    expect(await importanceOf(others)).toEqual(await importanceOf(rows))
  })
})

it('is estimated with running statistics: those of one row would leave nothing of it', async () => {
  const normed = network({
    ...{ name: 'normed', inputDims: [2, 1, 1], classes: 2 },
    layer: sequential({ norm: batchNorm2d(2), flat: flatten() }),
  })
  const buffers = new Map([
    ['norm.running_mean', float32([2], [1, 0])],
    ['norm.running_var', float32([2], [4, 1])],
  ])
  expect([...normed.buffers.keys()].sort()).toEqual([...buffers.keys()].sort())
  const train = { ...rowsOf([3, 2]), inputs: float32([1, 2, 1, 1], [3, 2]) }
  const given = { model: normed, parameters: normed.parameters, buffers, train }
  const { tensors } = await rememberedBy(mas(), emptyState, endOfTask(stream, 0, given))
  // f = (3 - 1) / 2, 2 / 1; by the scale 2 f^2, by the shift 2 f.
  for (const [name, wanted] of [
    ['norm.weight', [2, 8]],
    ['norm.bias', [2, 4]],
  ] as const) {
    const found = toNumbers(required(tensors, `importance/${name}`, 'importance'))
    wanted.forEach((value, at) => {
      expect(found[at]).toBeCloseTo(value, 3)
    })
  }
})

it('adds up over tasks at the latest anchor, in the penalty as strength times Omega', async () => {
  const method = mas({ strength: 3 })
  const once = { model, parameters, train: rowsOf([1, 1]) }
  const first = await rememberedBy(method, emptyState, endOfTask(stream, 0, once))
  const moved = new Map([
    [weight, float32([2, 2], [2, 0, 0, 0])],
    [bias, float32([2])],
  ])
  const again = { model, parameters: moved, train: rowsOf([1, 1]) }
  const second = await rememberedBy(method, first, endOfTask(stream, 1, again))
  // f = (2, 0): [[4, 4], [0, 0]] beside [[6, 6], [0, 0]]; 1/2 A d^2 with A = 2 * 3 * Omega.
  const inputs = await method.inputs?.(second, {} as OpeningContext)
  expect(toNumbers(required(inputs ?? new Map(), `penalty/${weight}`, 'input'))).toEqual([60, 60, 0, 0])
  expect(inputs?.get(`anchor/${weight}`)).toEqual(moved.get(weight))
})

it('looks at some rows where asked, and at all where there are no more', async () => {
  const context = () => endOfTask(stream, 0, { model: toyModel(stream) })
  const [all, some, many] = await Promise.all(
    [{}, { sensitivitySamples: 3 }, { sensitivitySamples: 500 }].map((asked) =>
      rememberedBy(mas(asked), emptyState, context()),
    ),
  )
  expect(many).toEqual(all)
  expect(some).not.toEqual(all)
})

it('refuses rows with a label a token', async () => {
  const tokens = { ...rowsOf([1, 1]), labels: { type: 'int32', dims: [1, 2], data: Int32Array.of(0, 1) } }
  const context = endOfTask(stream, 0, {
    model,
    train: { ...tokens, kind: 'token-classification' } as Dataset,
  })
  await expect(mas().consolidate?.(emptyState, context)).rejects.toThrow(
    expect.objectContaining({ code: 'mas-tokens' }),
  )
})
