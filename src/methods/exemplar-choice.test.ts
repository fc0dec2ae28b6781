import { expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { toyStream } from '../../test/toy-learning.ts'
import { float32, toNumbers } from '../tensor/tensor.ts'
import { emptyState } from './method.ts'
import { replay } from './replay.ts'

const task = endOfTask(toyStream('class'), 0)
// Six rows of two classes, told apart by their first number.
const rows = [1, 2, 3, 4, 5, 6]
const train = {
  ...task.train,
  inputs: float32([6, 1], rows),
  labels: { type: 'int32' as const, dims: [6], data: Int32Array.of(0, 0, 0, 1, 1, 1) },
}
const said = (row: number): number[] =>
  [
    [3, 0],
    [0, 0],
    [0, 1],
    [0, 4],
    [2, 0],
    [0, 0.5],
  ][row - 1] ?? []
const context = {
  ...task,
  ...{ train, outputs: 2, active: undefined },
  reader: {
    ...task.reader,
    logits: async () => float32([6, 2], rows.flatMap(said)),
    features: async () => float32([6, 2], [1, 0, 0, 1, 1, 1, 5, 0, 0, 5, 5, 4]),
  },
}
const kept = async (exemplarChoice: 'random' | 'herding' | 'hardest', perClass: number) => {
  const state = await rememberedBy(replay({ perClass, exemplarChoice }), emptyState, context)
  return toNumbers(state.tensors.get('memory/inputs') ?? float32([0]))
}

it('hardest keeps the rows of the largest loss of each class', async () => {
  // Losses log(1 + exp(other - own)): 0.05, 0.69, 1.31 of the first class; 0.02, 2.13, 0.47 of the second.
  expect(await kept('hardest', 1)).toEqual([5, 3])
  expect((await kept('hardest', 2)).toSorted()).toEqual([2, 3, 5, 6])
})

it('herding begins with the row in the direction of the class mean', async () => {
  expect((await kept('herding', 1)).toSorted()).toEqual([3, 6])
})

it('takes the softmax over the classes of the task alone', async () => {
  const active = { ...context, active: [0] }
  const state = await rememberedBy(replay({ perClass: 1, exemplarChoice: 'hardest' }), emptyState, {
    ...active,
    train: { ...train, labels: { ...train.labels, data: new Int32Array(6) } },
  })
  // One class alone has no loss: the first row is kept.
  expect(toNumbers(state.tensors.get('memory/inputs') ?? float32([0]))).toEqual([1])
})

it('keeps as many of a class as there are, and refuses rows without one class each', async () => {
  expect((await kept('hardest', 9)).length).toBe(6)
  const numbers = { ...context, train: { ...train, labels: float32([6, 1]) } }
  await expect(rememberedBy(replay({ exemplarChoice: 'herding' }), emptyState, numbers)).rejects.toThrow(
    /at random/,
  )
})
