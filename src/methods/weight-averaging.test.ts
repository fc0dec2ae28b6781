import { describe, expect, it } from 'vitest'
import {
  engine,
  memoryStore,
  runToEnd,
  toyData,
  toyModel,
  toyOptions,
  toyStream,
} from '../../test/toy-learning.ts'
import { classLabels } from '../data/dataset.ts'
import { classSums } from '../evaluate/class-sums.ts'
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
import { type Model, weightsOf } from '../model/model.ts'
import { itemAt, required } from '../required.ts'
import { splitStream } from '../tasks/split.ts'
import type { TaskStream } from '../tasks/stream.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { compose } from './compose.ts'
import type { Method } from './method.ts'
import { nearestMean } from './nearest-mean.ts'
import { none } from './none.ts'
import { createMethod } from './registry.ts'
import { ema, swa } from './weight-averaging.ts'

const STEPS = 8
const first = (stream: TaskStream): TaskStream => ({ ...stream, tasks: stream.tasks.slice(0, 1) })

const imageData = (seed: number) => toyData({ width: 16, dims: [1, 4, 4], seed })
const images = splitStream(imageData(1), imageData(2), { scenario: 'class', classesPerTask: 2 })
const normed = network({
  ...{ name: 'normed', inputDims: [1, 4, 4], seed: 0 },
  classes: Array.from({ length: images.outputs }, (_, unit) => `${unit}`),
  layer: sequential({
    conv: conv2d(1, 3, 3),
    norm: batchNorm2d(3),
    act: relu(),
    pool: globalAveragePool(),
    fc: linear(3, 6),
  }),
})

const cases: readonly (readonly [string, TaskStream, Model])[] = [
  ['linear layers', first(toyStream('class')), toyModel(toyStream('class'))],
  ['batch norms that follow', first(images), normed],
]

/** Weights and running statistics after each step of plain training. */
async function trajectory(stream: TaskStream, model: Model): Promise<ReadonlyMap<string, Tensor>[]> {
  const states: RunState[] = []
  const store = { ...memoryStore(), save: async (state: RunState) => void states.push(state) }
  const run = { stream, model, method: none(), store, iterations: STEPS, stepsPerCall: 1, checkpointEvery: 1 }
  await runToEnd(toyOptions(run))
  return states.slice(0, STEPS).map(({ tensors }) => tensors)
}

const endOf = async (
  method: Method,
  stream: TaskStream,
  model: Model,
): Promise<ReadonlyMap<string, Tensor>> => {
  const { result } = await runToEnd(toyOptions({ stream, model, method, iterations: STEPS }))
  return weightsOf(result)
}

describe.each(cases)('of %s', (_, stream, model) => {
  /** The average that some shares of the weights at the start and after each step give. */
  async function expected(shares: readonly number[]): Promise<Map<string, number[]>> {
    const steps = await trajectory(stream, model)
    return new Map(
      [...weightsOf(model)].map(([name, start]) => {
        const kind = model.buffers.has(name) ? 'buffer' : 'parameter'
        const all = [start, ...steps.map((tensors) => required(tensors, `${kind}/${name}`, 'tensor'))].map(
          toNumbers,
        )
        const sum = itemAt(all, 0, 'start').map((_, at) =>
          all.reduce((total, one, step) => total + (shares[step] ?? 0) * (one[at] ?? 0), 0),
        )
        return [name, sum]
      }),
    )
  }

  it.each([
    [
      'ema',
      () => ema({ decay: 0.8 }),
      [0.8 ** STEPS, ...Array.from({ length: STEPS }, (_, at) => 0.2 * 0.8 ** (STEPS - 1 - at))],
    ],
    ['swa of the last half', () => swa({ averageFrom: 0.5 }), [0, 0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25]],
    ['swa of all steps', () => swa({ averageFrom: 0 }), [0, ...new Array<number>(STEPS).fill(1 / STEPS)]],
  ] as const)('%s ends with the average, running statistics included', async (_, method, shares) => {
    const found = await endOf(method(), stream, model)
    const wanted = await expected(shares)
    expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort())
    for (const [name, values] of wanted) {
      const own = toNumbers(required(found, name, 'tensor'))
      for (const [at, value] of values.entries()) expect(own[at], name).toBeCloseTo(value, 5)
    }
  })
})

it('goes on from the average in the next task', async () => {
  const stream = { ...toyStream('class'), tasks: toyStream('class').tasks.slice(0, 2) }
  const model = toyModel(stream)
  const once = await endOf(ema({ decay: 0.9 }), first(stream), model)
  const states: RunState[] = []
  const store = { ...memoryStore(), save: async (state: RunState) => void states.push(state) }
  await runToEnd(toyOptions({ stream, model, method: ema({ decay: 0.9 }), store, iterations: STEPS }))
  const between = required(itemAt(states, 0, 'state').tensors, 'parameter/layers.0.weight', 'parameter')
  expect(toNumbers(between)).toEqual(toNumbers(required(once, 'layers.0.weight', 'parameter')))
})

it('hands the averaged model to the methods behind it, its features included', async () => {
  const stream = first(toyStream('class'))
  const model = toyModel(stream)
  const { result } = await runToEnd(
    toyOptions({ stream, model, method: compose(swa(), nearestMean()), iterations: STEPS }),
  )
  const reader = openReader(engine, model, stream.outputs)
  const train = itemAt(stream.tasks, 0, 'task').train
  const features = await reader.features(train, weightsOf(result))
  await reader.dispose()
  const { sums, counts, width } = classSums(features, classLabels(train), stream.outputs)
  const head = toNumbers(required(result.model.parameters, 'layers.2.weight', 'head'))
  for (let unit = 0; unit < 2; unit++) {
    for (let at = 0; at < width; at++) {
      expect(head[unit * width + at]).toBeCloseTo(
        (2 * (sums[unit * width + at] ?? 0)) / (counts[unit] ?? 0),
        4,
      )
    }
  }
})

it('refuses a second average, and numbers that make none', () => {
  expect(() => compose(ema(), swa())).toThrow(/one average/)
  expect(() => createMethod('ema', { decay: 1 })).toThrow(/decay/)
  expect(() => createMethod('swa', { averageFrom: 1 })).toThrow(/averageFrom/)
})
