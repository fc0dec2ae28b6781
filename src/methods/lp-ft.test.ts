import { expect, it } from 'vitest'
import { memoryStore, runToEnd, toyData, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { trainOnly } from '../model/adapters/index.ts'
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
import { splitStream } from '../tasks/split.ts'
import type { TaskStream } from '../tasks/stream.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { adam, type Optimiser, sgd } from '../train/step/optimisers.ts'
import { compose } from './compose.ts'
import { lpft } from './lp-ft.ts'
import type { Method } from './method.ts'
import { none } from './none.ts'

const STEPS = 10
const stream = { ...toyStream('class'), tasks: toyStream('class').tasks.slice(0, 1) }

/** What a run holds after each step. */
async function after(
  method: Method,
  model: Model = toyModel(stream),
  optimiser: Optimiser = sgd({ momentum: 0.9 }),
  tasks: TaskStream = stream,
): Promise<ReadonlyMap<string, Tensor>[]> {
  const states: RunState[] = []
  const store = { ...memoryStore(), save: async (state: RunState) => void states.push(state) }
  const run = { stream: tasks, model, method, store, iterations: STEPS, stepsPerCall: 1, checkpointEvery: 1 }
  await runToEnd(toyOptions({ ...run, settings: { optimiser } }))
  return states.slice(0, STEPS).map(({ tensors }) => tensors)
}

const numbers = (steps: readonly ReadonlyMap<string, Tensor>[], step: number, name: string): number[] =>
  toNumbers(required(itemAt(steps, step - 1, 'step'), name, 'tensor'))

it.each([
  ['sgd', sgd({ momentum: 0.9 })],
  ['adam', adam()],
] as const)('trains the head as if nothing else trained, then everything: %s', async (_, optimiser) => {
  const model = toyModel(stream)
  const start = toNumbers(required(model.parameters, 'layers.0.weight', 'parameter'))
  const found = await after(lpft({ probingShare: 0.4 }), model, optimiser)
  const head = await after(none(), trainOnly(model, new Set(['layers.2.weight', 'layers.2.bias'])), optimiser)
  for (const step of [1, 2, 3, 4]) {
    expect(numbers(found, step, 'parameter/layers.0.weight')).toEqual(start)
    const own = numbers(found, step, 'parameter/layers.2.weight')
    const alone = numbers(head, step, 'parameter/layers.2.weight')
    for (const [at, value] of own.entries()) expect(value).toBeCloseTo(alone[at] ?? Number.NaN, 5)
  }
  expect(numbers(found, 5, 'parameter/layers.0.weight')).not.toEqual(start)
})

it('holds running statistics while the head alone moves', async () => {
  const data = (seed: number) => toyData({ width: 16, dims: [1, 4, 4], seed })
  const images = splitStream(data(1), data(2), { scenario: 'class', classesPerTask: 6 })
  const layer = sequential({
    conv: conv2d(1, 3, 3),
    norm: batchNorm2d(3),
    act: relu(),
    pool: globalAveragePool(),
    fc: linear(3, 6),
  })
  const classes = Array.from({ length: 6 }, (_, at) => `${at}`)
  const model = network({ name: 'normed', inputDims: [1, 4, 4], classes, seed: 0, layer })
  const start = toNumbers(required(model.buffers, 'norm.running_mean', 'buffer'))
  const found = await after(compose(lpft({ probingShare: 0.5 }), none()), model, sgd(), images)
  expect(numbers(found, 5, 'buffer/norm.running_mean')).toEqual(start)
  expect(numbers(found, 6, 'buffer/norm.running_mean')).not.toEqual(start)
})

it('of no share is plain training, bit for bit, and of a whole one moves the head alone', async () => {
  const [plain, none0, whole] = [
    await after(none()),
    await after(lpft({ probingShare: 0 })),
    await after(lpft({ probingShare: 1 })),
  ]
  expect(numbers(none0, STEPS, 'parameter/layers.0.weight')).toEqual(
    numbers(plain, STEPS, 'parameter/layers.0.weight'),
  )
  expect(numbers(whole, STEPS, 'parameter/layers.0.weight')).toEqual(
    numbers(whole, 1, 'parameter/layers.0.weight'),
  )
  expect(() => compose(lpft(), lpft())).toThrow(/once/)
})
