import { describe, expect, it } from 'vitest'
import type { Method, TaskContext } from '../src/methods/method.ts'
import { mlp } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { float32, toNumbers } from '../src/tensor/tensor.ts'
import { learn } from '../src/train/run/learn.ts'
import { sgd } from '../src/train/step/optimisers.ts'
import { bitsOf, memoryStore, runToEnd, toyModel, toyOptions, toyStream } from './toy-learning.ts'

// Methods that train another model in each task.

/** Each task sees every third hidden unit only (Masse et al. 2018). */
const gated: Method = {
  name: 'gates',
  settings: {},
  prepare: (model, { index }) => {
    const hidden = model.graph.nodes.find(({ op }) => op === 'Relu')?.outputs[0] ?? ''
    const gates = float32(
      [1, 7],
      Array.from({ length: 7 }, (_, unit) => (unit % 3 === index ? 1 : 0)),
    )
    const nodes = model.graph.nodes.flatMap((node) =>
      node.outputs.includes(hidden)
        ? [
            node,
            {
              ...{ op: 'Mul', domain: '', name: 'gate', attributes: {} },
              ...{ inputs: [hidden, 'gates'], outputs: ['gated'] },
            },
          ]
        : [{ ...node, inputs: node.inputs.map((name) => (name === hidden ? 'gated' : name)) }],
    )
    const initializers = new Map([...model.graph.initializers, ['gates', gates]])
    return { ...model, graph: { ...model.graph, nodes, initializers } }
  },
}

const grownModel = (outputs: number, index: number): Model =>
  mlp({ widths: [5, 7 + 2 * index, outputs], seed: 0 })

/** Two more hidden units with each task. */
const growing: Method = {
  name: 'growth',
  settings: {},
  prepare: (_model, { index, outputs }: TaskContext) => grownModel(outputs, index),
}

describe.each([gated, growing])('a model a task: $name', (method) => {
  it('goes on from any checkpoint to the same bits', async () => {
    const options = { stream: toyStream('task'), method, checkpointEvery: 5, stepsPerCall: 3 }
    const whole = await runToEnd(toyOptions(options))
    for (const stop of [2, 9, 17]) {
      const store = memoryStore()
      const killed = learn(toyOptions({ ...options, store }))
      let progress = 0
      for await (const event of killed) if (event.type === 'progress' && ++progress === stop) break
      const { result } = await runToEnd(toyOptions({ ...options, store }))
      expect(bitsOf(result.parameters) === bitsOf(whole.result.parameters), `stopped at call ${stop}`).toBe(
        true,
      )
      expect(result.record.matrix).toEqual(whole.result.record.matrix)
    }
  })
})

it('leaves what a task does not see, and answers each task by its own model where the task is told', async () => {
  const stream = toyStream('task')
  const { result } = await runToEnd(
    // Momentum of the last task would go on moving what this one does not see.
    toyOptions({ stream, method: gated, iterations: 60, settings: { optimiser: sgd() } }),
  )
  // Units of another task get no gradient, and each task has a head of its own: nothing is forgotten.
  const before = toNumbers(toyModel(stream).parameters.get('layers.0.bias') ?? float32([0]))
  const after = toNumbers(result.parameters.get('layers.0.bias') ?? float32([0]))
  expect(after.every((value, unit) => value !== before[unit])).toBe(true)
  expect(result.record.matrix.map((row) => row[0])).toEqual(
    result.record.matrix.map(() => result.record.matrix[0]?.[0]),
  )
})

it('keeps what was learned at the beginning of what has grown', async () => {
  const stream = toyStream('class')
  const { result } = await runToEnd(toyOptions({ stream, method: growing, learningRate: 0 }))
  const found = result.parameters.get('layers.2.weight') ?? float32([0])
  expect(found.dims).toEqual([6, 11])
  const first = toNumbers(grownModel(6, 0).parameters.get('layers.2.weight') ?? float32([0]))
  const second = toNumbers(grownModel(6, 1).parameters.get('layers.2.weight') ?? float32([0]))
  for (let unit = 0; unit < 6; unit++) {
    const row = toNumbers(found).slice(unit * 11, (unit + 1) * 11)
    expect(row.slice(0, 7)).toEqual(first.slice(unit * 7, (unit + 1) * 7))
    expect(row.slice(7, 9)).toEqual(second.slice(unit * 9 + 7, unit * 9 + 9))
  }
  expect(result.model.parameters.get('layers.2.weight')).toEqual(found)
})
