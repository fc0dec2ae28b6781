import { expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../../test/method-contexts.ts'
import { engine, toyModel, toyOptions, toyStream } from '../../../test/toy-learning.ts'
import type { Engine } from '../../engine/engine.ts'
import { ranpac } from '../../methods/closed-form-heads.ts'
import { emptyState } from '../../methods/method.ts'
import { initialState } from '../step/index.ts'
import { openReading } from './run-reading.ts'
import { taskModels } from './task-models.ts'

it('opens a model that is read by another graph once, however often it is asked', async () => {
  const stream = toyStream('class')
  const model = toyModel(stream)
  const method = ranpac({ randomFeatures: 12 })
  let opened = 0
  const counting: Engine = {
    ...engine,
    load: (graph, ...more) => {
      opened++
      return engine.load(graph, ...more)
    },
  }
  const options = toyOptions({ stream, model, method, engine: counting })
  const reading = openReading(
    options,
    taskModels(model, method, () => {
      throw new Error('no model of a task’s own')
    }),
  )
  const accuracies: number[][] = []
  let state = emptyState
  for (const task of [0, 1]) {
    state = await rememberedBy(method, state, endOfTask(stream, task, { model }))
    const standing = {
      position: { task, step: 0, phase: 'train' } as const,
      tensors: initialState(model, options.settings.optimiser),
      method: state,
    }
    const found: number[] = []
    for (const other of stream.tasks) found.push((await reading.scores(other, standing)).accuracy)
    accuracies.push(found)
  }
  await reading.dispose()
  expect(accuracies[0]?.slice(1)).toEqual([0, 0])
  expect(accuracies[1]?.[1]).toBeGreaterThan(0)
  expect(opened).toBe(1)
})
