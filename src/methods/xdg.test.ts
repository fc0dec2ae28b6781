import { describe, expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { engine, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { openReader } from '../evaluate/reader.ts'
import {
  batchNorm2d,
  conv2d,
  globalAveragePool,
  linear,
  network,
  relu,
  sequential,
} from '../model/layers/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt, required } from '../required.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import { adam, sgd } from '../train/step/optimisers.ts'
import { compose } from './compose.ts'
import { ewc } from './ewc.ts'
import type { Method } from './method.ts'
import { createMethod } from './registry.ts'
import { si } from './si.ts'
import { xdg } from './xdg.ts'

const stream = toyStream('task')
const model = toyModel(stream)

const preparedFor = (method: Method, index: number, own: Model = model): Model =>
  method.prepare?.(own, endOfTask(stream, index)) ?? own
const gatesOf = ({ graph }: Model): Tensor[] =>
  [...graph.initializers].flatMap(([name, tensor]) => (name.endsWith('/gates') ? [tensor] : []))
const openIn = (own: Model): number[] =>
  toNumbers(itemAt(gatesOf(own), 0, 'layer')).flatMap((gate, unit) => (gate === 1 ? [unit] : []))

it('holds the units at 0 that a task does without, by hand', async () => {
  const gated = preparedFor(xdg({ gated: 0.5 }), 1)
  const open = openIn(gated)
  // Half of seven units.
  expect(open).toHaveLength(4)
  const rows = itemAt(stream.tasks, 1, 'task').test
  const reader = openReader(engine, gated, stream.outputs)
  const found = toNumbers(await reader.logits(rows))
  await reader.dispose()
  const [w1, b1, w2, b2] = ['layers.0.weight', 'layers.0.bias', 'layers.2.weight', 'layers.2.bias'].map(
    (name) => toNumbers(required(model.parameters, name, 'parameter')),
  )
  const x = toNumbers(rows.inputs).slice(0, 5)
  for (let c = 0; c < 6; c++) {
    const logit = open.reduce((sum, unit) => {
      const into = x.reduce((all, value, at) => all + value * (w1?.[unit * 5 + at] ?? 0), b1?.[unit] ?? 0)
      return sum + Math.max(0, into) * (w2?.[c * 7 + unit] ?? 0)
    }, b2?.[c] ?? 0)
    expect(found[c]).toBeCloseTo(logit, 5)
  }
})

it('draws other units for other tasks and seeds, and the same again', () => {
  const drawn = [0, 1, 2].map((index) => openIn(preparedFor(xdg({ gated: 0.5 }), index)).join())
  expect(new Set(drawn).size).toBeGreaterThan(1)
  expect(openIn(preparedFor(xdg({ gated: 0.5 }), 1)).join()).toBe(drawn[1])
  const others = [0, 1, 2].map((index) => openIn(preparedFor(xdg({ gated: 0.5, gateSeed: 1 }), index)).join())
  expect(others).not.toEqual(drawn)
  // However many are gated, one is left.
  expect(openIn(preparedFor(xdg({ gated: 0.99 }), 0))).toHaveLength(1)
})

it('gates channels of maps, and every hidden layer', () => {
  const layer = sequential({
    ...{ conv: conv2d(1, 4, 3), norm: batchNorm2d(4), act: relu(), pool: globalAveragePool() },
    ...{ hidden: linear(4, 8), bend: relu(), fc: linear(8, 6) },
  })
  const classes = Array.from({ length: 6 }, (_, unit) => `${unit}`)
  const images = network({ name: 'images', inputDims: [1, 4, 4], classes, seed: 0, layer })
  expect(gatesOf(preparedFor(xdg(), 0, images)).map(({ dims }) => dims)).toEqual([
    [1, 4, 1, 1],
    [1, 8],
  ])
})

it('moves nothing of the units that a task does without', async () => {
  const first = { ...stream, tasks: stream.tasks.slice(0, 1) }
  const method = xdg({ gated: 0.5 })
  const { result } = await runToEnd(
    toyOptions({ stream: first, model, method, settings: { optimiser: sgd() } }),
  )
  const open = new Set(openIn(preparedFor(method, 0)))
  const [before, after] = [model.parameters, result.parameters].map((of) =>
    toNumbers(required(of, 'layers.0.bias', 'parameter')),
  )
  const still = after?.flatMap((value, unit) => (value === before?.[unit] ? [unit] : []))
  expect(still).toEqual([0, 1, 2, 3, 4, 5, 6].filter((unit) => !open.has(unit)))
})

describe('in a composition', () => {
  it('trains beside penalties, and every task is better than chance', async () => {
    const tasks = toyStream('task', { perClass: 40 })
    const wide = toyModel(tasks)
    const run = async (method: Method) => {
      const { result } = await runToEnd(
        toyOptions({ stream: tasks, model: wide, method, iterations: 60, settings: { optimiser: adam() } }),
      )
      return result.record.matrix
    }
    const both = await run(compose(xdg({ gated: 0.5 }), si({ strength: 1 }), ewc({ lambda: 10 })))
    expect(both).toHaveLength(3)
    expect(both.at(-1)?.every((accuracy) => accuracy >= 0.5)).toBe(true)
  })

  it('is named once', () => {
    expect(() => compose(xdg(), xdg())).toThrow(/once/)
  })
})

it.each(['class', 'domain'] as const)('refuses the %s scenario, with the reason', async (scenario) => {
  const run = runToEnd(toyOptions({ stream: toyStream(scenario), method: createMethod('xdg') }))
  await expect(run).rejects.toThrow(/xdg answers each task by a model of its own.*task scenario/)
})

it('refuses a model without hidden units', () => {
  const layer = sequential({ fc: linear(5, 6) })
  const plain = network({
    name: 'plain',
    inputDims: [5],
    classes: ['a', 'b', 'c', 'd', 'e', 'f'],
    seed: 0,
    layer,
  })
  expect(() => preparedFor(xdg(), 0, plain)).toThrow(/no activation/)
})
