import { describe, expect, it } from 'vitest'
import { engine, toyModel, toyStream } from '../../test/toy-learning.ts'
import { createDataset, subset } from '../data/dataset.ts'
import { linear } from '../model/layers/layers.ts'
import { network } from '../model/layers/network.ts'
import type { Task, TaskStream } from '../tasks/stream.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { sgd } from '../train/step/optimisers.ts'
import { initialState } from '../train/step/step-inputs.ts'
import { createEvaluator, taskAccuracy } from './evaluate.ts'

describe('accuracy', () => {
  it.each(['task', 'domain', 'class'] as const)('is what a hand counts, %s-incremental', async (scenario) => {
    const stream = toyStream(scenario)
    const model = toyModel(stream, 5)
    const state = initialState(model, sgd())
    // 20 rows in batches of 7: the last is filled up, and what fills it must not count.
    const evaluator = createEvaluator(engine, model, stream.outputs, 7)
    for (const task of stream.tasks) {
      const logits = toNumbers(await evaluator.logits(task.test, state))
      const labels = toNumbers(task.test.labels)
      expect(logits).toHaveLength(labels.length * stream.outputs)
      const units =
        scenario === 'task' ? task.units : Array.from({ length: stream.outputs }, (_, unit) => unit)
      const right = labels.filter((label, row) => {
        const of = (unit: number) => logits[row * stream.outputs + unit] ?? 0
        return units.every((unit) => of(unit) <= of(label))
      })
      expect(await taskAccuracy(evaluator, stream, task, state)).toBe(right.length / labels.length)
    }
    await evaluator.dispose()
  })

  it('does not depend on the batch', async () => {
    const stream = toyStream('class')
    const model = toyModel(stream)
    const [task] = stream.tasks
    if (!task) throw new Error('no task')
    const answers = []
    for (const batch of [1, 3, 20, 500]) {
      const evaluator = createEvaluator(engine, model, stream.outputs, batch)
      answers.push(await evaluator.predict(task.test, initialState(model, sgd())))
      // One session serves data of another length too.
      const part = await evaluator.predict(subset(task.test, Int32Array.of(4, 2)), initialState(model, sgd()))
      expect([...part]).toEqual([answers[0]?.[4], answers[0]?.[2]])
      await evaluator.dispose()
    }
    for (const answer of answers) expect([...answer]).toEqual([...(answers[0] ?? [])])
  })
})

describe('targets', () => {
  const model = network({ name: 'same', inputDims: [2], classes: 2, layer: linear(2, 2) })
  const state = new Map<string, Tensor>([
    ['parameter/weight', float32([2, 2], [1, 0, 0, 1])],
    ['parameter/bias', float32([2])],
  ])
  /** A model that answers with its inputs is asked about these. */
  async function score(
    inputs: number[],
    targets: number[],
    kind?: 'mse' | 'binary-cross-entropy',
  ): Promise<number> {
    const test = createDataset({
      name: 'targets',
      inputs: float32([inputs.length / 2, 2], inputs),
      labels: float32([inputs.length / 2, 2], targets),
      classes: [],
    })
    const task: Task = { index: 0, name: 'only', train: test, test, units: [0, 1] }
    const dataset = { name: 'targets', synthetic: true }
    const stream: TaskStream = { name: 'targets', scenario: 'domain', outputs: 2, tasks: [task], dataset }
    const evaluator = createEvaluator(engine, model, 2)
    const found = await taskAccuracy(evaluator, stream, task, state, kind ? { kind } : {})
    await evaluator.dispose()
    return found
  }

  it('of several labels: the share of labels on the right side of one half', async () => {
    expect(await score([3, -1, 0.1, -2, -5, 4], [1, 0, 0, 0, 1, 1], 'binary-cross-entropy')).toBeCloseTo(
      4 / 6,
      10,
    )
  })

  it('of numbers: the share of variance explained', async () => {
    // Errors 1 and 0, 0 and 1; targets 1, 3 and 2, 4 vary by 2 each around their means.
    expect(await score([2, 2, 3, 5], [1, 2, 3, 4], 'mse')).toBeCloseTo(1 - 2 / 4, 6)
    expect(await score([1, 2, 3, 4], [1, 2, 3, 4])).toBe(1)
    expect(await score([100, 2, 3, 4], [1, 2, 3, 4])).toBe(0)
  })

  it('that never change are explained wholly or not at all', async () => {
    expect(await score([1, 2, 1, 2], [1, 2, 1, 2])).toBe(1)
    expect(await score([1, 2, 1, 3], [1, 2, 1, 2])).toBe(0)
  })
})
