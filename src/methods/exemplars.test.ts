import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { toyModel, toyStream } from '../../test/toy-learning.ts'
import { required } from '../required.ts'
import { agem } from './a-gem.ts'
import { gem } from './gem.ts'
import { emptyState, type Method } from './method.ts'

const stream = toyStream('class')
const model = toyModel(stream)

/** How many rows of each task a method remembers after all of them. */
async function kept(method: Method): Promise<number[]> {
  let state = emptyState
  for (const task of [0, 1, 2]) {
    state = await rememberedBy(method, state, endOfTask(stream, task, { model }))
  }
  const tasks = [...(required(state.tensors, 'memory/tasks', 'memory').data as Int32Array)]
  return [0, 1, 2].map((task) => tasks.filter((each) => each === task).length)
}

describe.each([
  ['a-gem', agem],
  ['gem', gem],
] as const)('the memory of %s', (_name, make) => {
  it('has as many rows of each task as asked, also where its classes do not divide them', async () => {
    expect(await kept(make({ perTask: 7 }))).toEqual([7, 7, 7])
    expect(await kept(make({ perTask: 1000 }))).toEqual([20, 20, 20])
    expect(make({ perTask: 7 }).settings).toEqual({ perTask: 7, replayBatch: null })
  })

  it('has so many of each class where nothing is said of tasks', async () => {
    expect(await kept(make({ perClass: 3 }))).toEqual([6, 6, 6])
    expect(make({ perClass: 3 }).settings).toEqual({ perClass: 3, replayBatch: null })
  })
})
