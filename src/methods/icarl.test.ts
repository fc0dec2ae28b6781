import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { engine, memoryStore, runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { openReader } from '../evaluate/reader.ts'
import type { Model } from '../model/model.ts'
import { itemAt, present, required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { sgd } from '../train/step/optimisers.ts'
import { compose } from './compose.ts'
import { memoryOf } from './exemplars.ts'
import { icarl } from './icarl.ts'
import { emptyState } from './method.ts'
import { replay } from './replay.ts'

const stream = toyStream('class')
const taskAt = (index: number) => itemAt(stream.tasks, index, 'task')

/** The end of a task whose rows are their own features. */
const endWith = (index: number, rows: readonly (readonly number[])[], labels: readonly number[]) =>
  endOfTask(stream, index, {
    outputs: 3,
    train: {
      ...taskAt(0).train,
      inputs: float32([rows.length, 2], rows.flat()),
      labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    },
    reader: {
      ...endOfTask(stream, 0).reader,
      features: async ({ inputs }) => inputs as Tensor<'float32'>,
    },
  })

describe('exemplars', () => {
  it('are herded, cut to the first of each class as classes join, and read as their mean, by hand', async () => {
    const method = icarl({ capacity: 4 })
    // Of length 1 they are (1, 0), (0, 1), (0.8, 0.6); their mean (0.6, 0.533): nearest is (0.8, 0.6), then (0, 1) by
    // |(0.4, 0.8) - mean| = 0.33 against |(0.9, 0.3) - mean| = 0.38. With (1, 0) third.
    const first = await rememberedBy(
      method,
      emptyState,
      endWith(
        0,
        [
          [2, 0],
          [0, 3],
          [8, 6],
        ],
        [0, 0, 0],
      ),
    )
    expect(toNumbers(required(first.tensors, 'memory/inputs', 'memory'))).toEqual([8, 6, 0, 3, 2, 0])
    const second = await rememberedBy(
      method,
      first,
      endWith(
        1,
        [
          [0, -5],
          [0, -7],
          [1, -1],
        ],
        [2, 2, 2],
      ),
    )
    // Two of each class: the best two of class 0 stay.
    const rows = toNumbers(required(second.tensors, 'memory/inputs', 'memory'))
    expect(rows.slice(0, 4)).toEqual([8, 6, 0, 3])
    expect(rows).toHaveLength(8)
    expect(toNumbers(required(second.tensors, 'memory/labels', 'memory'))).toEqual([0, 0, 2, 2])
    // ((0.8, 0.6) + (0, 1)) / |...| = (0.8, 1.6) / |(0.8, 1.6)|.
    const means = toNumbers(required(second.tensors, 'means', 'means'))
    expect(means[0]).toBeCloseTo(1 / Math.sqrt(5), 6)
    expect(means[1]).toBeCloseTo(2 / Math.sqrt(5), 6)
    expect(means.slice(2, 4)).toEqual([0, 0])
  })

  it('are at least one of each class', async () => {
    const context = endWith(
      0,
      [
        [1, 0],
        [0, 1],
      ],
      [0, 1],
    )
    await expect(icarl({ capacity: 1 }).consolidate?.(emptyState, context)).rejects.toThrow(
      expect.objectContaining({ code: 'icarl-capacity' }),
    )
  })
})

it('answers with the nearest mean of exemplars, features and means of length 1', async () => {
  const { result } = await runToEnd(toyOptions({ stream, method: icarl({ capacity: 12 }) }))
  const reader = openReader(engine, result.model, stream.outputs)
  const rows = taskAt(2).test
  const features = toNumbers(await reader.features(rows))
  const weight = toNumbers(required(result.model.parameters, 'layers.2.weight', 'parameter'))
  const unit = (values: readonly number[]) => values.map((value) => value / (Math.hypot(...values) || 1))
  const nearest = Array.from({ length: features.length / 7 }, (_, row) => {
    const feature = unit(features.slice(row * 7, (row + 1) * 7))
    const distances = [0, 1, 2, 3, 4, 5].map((label) => {
      const mean = unit(weight.slice(label * 7, (label + 1) * 7))
      return mean.reduce((sum, value, at) => sum + (value - (feature[at] ?? 0)) ** 2, 0)
    })
    return distances.indexOf(Math.min(...distances))
  })
  expect([...(await reader.predictions(rows))]).toEqual(nearest)
  await reader.dispose()
})

describe('the loss', () => {
  const STEPS = 4
  const run = async () => {
    const states: RunState[] = []
    const options = toyOptions({
      stream,
      method: icarl({ capacity: 6 }),
      settings: { optimiser: sgd() },
      // All of 6 exemplars and 20 new rows in each batch.
      ...{ iterations: STEPS, batchSize: 26, stepsPerCall: 1, checkpointEvery: 1 },
      store: { ...memoryStore(), save: async (state) => void states.push(state) },
    })
    const { events } = await runToEnd(options)
    const losses = events.flatMap((event) => (event.type === 'progress' ? [event.losses] : []))
    return { states, losses, model: options.model }
  }
  const logitsOf = async (model: Model, state: RunState, dataset: (typeof stream.tasks)[0]['train']) => {
    const reader = openReader(engine, model, stream.outputs)
    const found = toNumbers(await reader.logits(dataset, withoutPrefix(state.tensors, 'parameter/')))
    await reader.dispose()
    return found
  }

  it('is binary cross-entropy against labels of the task and old sigmoids of classes before it', async () => {
    const { states, losses, model } = await run()
    const end = itemAt(states, STEPS - 1, 'state')
    const now = itemAt(states, STEPS + 1, 'state')
    const memory = present(memoryOf(end.method, taskAt(0)), 'memory').dataset
    let [sum, count] = [0, 0]
    for (const rows of [memory, taskAt(1).train]) {
      const [old, fresh] = [await logitsOf(model, end, rows), await logitsOf(model, now, rows)]
      toNumbers(rows.labels).forEach((label, row) => {
        for (const unit of [0, 1, 2, 3]) {
          const at = row * 6 + unit
          const target = unit < 2 ? 1 / (1 + Math.exp(-itemAt(old, at, 'logit'))) : Number(label === unit)
          const logit = itemAt(fresh, at, 'logit')
          sum += Math.log1p(Math.exp(logit)) - target * logit
          count++
        }
      })
    }
    expect(count).toBe(26 * 4)
    // Of the third step, whose parameters are those after the second.
    expect(losses[STEPS + 2]?.icarl).toBeCloseTo(sum / count, 5)
    expect(losses[STEPS + 2]?.task).toBe(0)
  })
})

it('is for classes that join one head, with no other memory', async () => {
  for (const scenario of ['task', 'domain'] as const) {
    await expect(runToEnd(toyOptions({ stream: toyStream(scenario), method: icarl() }))).rejects.toThrow(
      expect.objectContaining({ code: 'icarl-scenario' }),
    )
  }
  expect(() => compose(icarl(), replay({ perClass: 3 }))).toThrow(
    expect.objectContaining({ code: 'compose-refused' }),
  )
})
