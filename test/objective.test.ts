import { describe, expect, it } from 'vitest'
import { createDataset } from '../src/data/dataset.ts'
import { ewc } from '../src/methods/ewc.ts'
import { none } from '../src/methods/none.ts'
import { replay } from '../src/methods/replay.ts'
import { linear } from '../src/model/layers/layers.ts'
import { network } from '../src/model/layers/network.ts'
import { listStream } from '../src/tasks/list.ts'
import type { TaskStream } from '../src/tasks/stream.ts'
import { float32 } from '../src/tensor/tensor.ts'
import type { LearnOptions } from '../src/train/run/options.ts'
import { sgd } from '../src/train/step/optimisers.ts'
import { runToEnd, toyData, toyOptions, toyStream } from './toy-learning.ts'

describe('targets', () => {
  /** y = x M for two tasks whose inputs lie apart. */
  function targetStream(labels: (x: readonly number[]) => readonly number[]): TaskStream {
    const data = (seed: number, perClass: number) => {
      const { inputs } = toyData({ seed, perClass })
      const values = [...(inputs.data as Float32Array)]
      const rows = inputs.dims[0] ?? 0
      const answers = Array.from({ length: rows }, (_, row) => labels(values.slice(row * 5, row * 5 + 5)))
      const width = answers[0]?.length ?? 0
      return createDataset({
        name: 'targets',
        inputs,
        labels: float32([rows, width], answers.flat()),
        classes: [],
      })
    }
    return listStream(
      [
        { name: 'first', train: data(1, 20), test: data(2, 5) },
        { name: 'second', train: data(3, 20), test: data(4, 5) },
      ],
      'domain',
    )
  }
  const linearModel = network({ name: 'line', inputDims: [5], classes: 2, layer: linear(5, 2) })
  const numbers = targetStream((x) => [(x[0] ?? 0) - 2 * (x[1] ?? 0), (x[2] ?? 0) + 1])
  const flags = targetStream((x) => [(x[0] ?? 0) > 0 ? 1 : 0, (x[1] ?? 0) + (x[2] ?? 0) > 0 ? 1 : 0])
  const run = (stream: TaskStream, given: Partial<LearnOptions>) =>
    runToEnd(
      toyOptions({
        stream,
        model: linearModel,
        method: none(),
        iterations: 150,
        learningRate: 0.03,
        ...given,
      }),
    )

  it('of numbers are learned by the squared error', async () => {
    const { result } = await run(numbers, {})
    expect(result.record.initial[0]).toBeLessThan(0.5)
    expect(result.record.matrix[1]?.[1]).toBeGreaterThan(0.99)
  })

  it('of several labels are learned by the binary cross-entropy, with replay', async () => {
    const settings = { optimiser: sgd({ momentum: 0.9 }), loss: { kind: 'binary-cross-entropy' as const } }
    const { result } = await run(flags, { settings, method: replay({ perClass: 10 }) })
    for (const accuracy of result.record.matrix[1] ?? []) expect(accuracy).toBeGreaterThan(0.85)
  })

  it('have no Fisher, and EWC says so', async () => {
    await expect(run(numbers, { method: ewc() })).rejects.toThrow(
      expect.objectContaining({ code: 'fisher-targets' }),
    )
  })

  it('need a loss for targets, and classes one for classes', async () => {
    const refused = expect.objectContaining({ code: 'loss-labels' })
    const settings = (kind: 'cross-entropy' | 'mse') => ({ optimiser: sgd(), loss: { kind } })
    await expect(run(numbers, { settings: settings('cross-entropy') })).rejects.toThrow(refused)
    await expect(
      runToEnd(toyOptions({ stream: toyStream('class'), method: none(), settings: settings('mse') })),
    ).rejects.toThrow(refused)
  })
})
