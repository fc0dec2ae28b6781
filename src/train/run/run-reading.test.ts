import { expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../../test/method-contexts.ts'
import { toyDecoder, toyTexts } from '../../../test/toy-language.ts'
import { engine, toyModel, toyOptions, toyStream } from '../../../test/toy-learning.ts'
import { samples } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { ranpac } from '../../methods/closed-form-heads.ts'
import { emptyState } from '../../methods/method.ts'
import { none } from '../../methods/none.ts'
import { listStream } from '../../tasks/list.ts'
import { initialState } from '../step/index.ts'
import { openReading } from './run-reading.ts'
import { taskModels } from './task-models.ts'

const noContext = () => {
  throw new Error('no model of a task’s own')
}

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
  const reading = openReading(options, taskModels(model, method, noContext))
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

it('reads test sets of texts by one session, made for the largest of them, whichever comes first', async () => {
  const [few, many] = [toyTexts(2, 2), toyTexts(3, 8)]
  const stream = listStream(
    [few, many].map((test, at) => ({ name: `texts ${at}`, train: many, test })),
    'domain',
    'texts',
  )
  const model = toyDecoder()
  const method = none()
  const chosen: (readonly number[] | undefined)[] = []
  let opened = 0
  const watching: Engine = {
    ...engine,
    load: async (graph, ...more) => {
      opened++
      const executable = await engine.load(graph, ...more)
      return {
        ...executable,
        run: (feeds, ...rest) => {
          chosen.push(feeds.get('rows')?.dims)
          return executable.run(feeds, ...rest)
        },
      }
    },
  }
  const options = toyOptions({ stream, model, method, engine: watching })
  const reading = openReading(options, taskModels(model, method, noContext))
  const standing = {
    position: { task: 0, step: 0, phase: 'train' } as const,
    tensors: initialState(model, options.settings.optimiser),
    method: emptyState,
  }
  for (const task of stream.tasks) await reading.scores(task, standing)
  await reading.dispose()
  const rows = samples(many)
  expect(samples(few)).toBeLessThan(rows)
  expect([opened, chosen]).toEqual([
    1,
    [
      [1, rows],
      [1, rows],
    ],
  ])
})
