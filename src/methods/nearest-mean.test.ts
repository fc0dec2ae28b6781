import { expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { engine, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { openReader } from '../evaluate/reader.ts'
import { float32, toNumbers } from '../tensor/tensor.ts'
import { compose } from './compose.ts'
import { emptyState } from './method.ts'
import { nearestMean } from './nearest-mean.ts'
import { replay } from './replay.ts'

const stream = toyStream('class')
const trainOf = (task: number) => stream.tasks[task]?.train as NonNullable<(typeof stream.tasks)[0]>['train']

/** Means of rows by label, worked out apart. */
function meansOf(features: number[], labels: number[], width: number): Map<number, number[]> {
  const byClass = new Map<number, number[][]>()
  labels.forEach((label, row) => {
    const vector = features.slice(row * width, (row + 1) * width)
    byClass.set(label, [...(byClass.get(label) ?? []), vector])
  })
  return new Map(
    [...byClass].map(([label, rows]) => [
      label,
      Array.from(
        { length: width },
        (_, at) => rows.reduce((sum, row) => sum + (row[at] ?? 0), 0) / rows.length,
      ),
    ]),
  )
}

it('has the head 2 f m_c - |m_c|^2, by hand', async () => {
  const model = toyModel(stream)
  const method = nearestMean()
  const task = endOfTask(stream, 0, {
    model,
    outputs: 3,
    train: {
      ...trainOf(0),
      inputs: float32([3, 2], [1, 2, 3, 4, 0, -1]),
      labels: { type: 'int32', dims: [3], data: Int32Array.of(0, 0, 2) },
    },
    // The rows themselves are the features.
    reader: {
      ...endOfTask(stream, 0, { model }).reader,
      features: async ({ inputs }) => inputs as ReturnType<typeof float32>,
    },
  })
  const state = await rememberedBy(method, emptyState, task)
  expect(state.tensors.get('means')).toEqual(float32([3, 2], [2, 3, 0, 0, 0, -1]))
  const head = {
    ...model,
    parameters: new Map([
      ...model.parameters,
      ['layers.2.weight', float32([3, 2])],
      ['layers.2.bias', float32([3])],
    ]),
  }
  const read = method.answer?.(head, state)
  expect(read?.parameters.get('layers.2.weight')).toEqual(float32([3, 2], [4, 6, 0, 0, 0, -2]))
  expect(read?.parameters.get('layers.2.bias')).toEqual(float32([3], [-13, -1e8, -1]))
  expect(read?.parameters.get('layers.0.weight')).toBe(model.parameters.get('layers.0.weight'))
})

it('answers the class whose mean is nearest, in the model that a run leaves', async () => {
  const { result } = await runToEnd(toyOptions({ stream, method: nearestMean() }))
  const trained = new Map([...result.parameters, ...result.buffers])
  const model = toyModel(stream)
  const reader = openReader(engine, model, stream.outputs)
  // The last task's means are of the last features.
  const train = trainOf(2)
  const means = meansOf(toNumbers(await reader.features(train, trained)), toNumbers(train.labels), 7)
  const weight = toNumbers(result.model.parameters.get('layers.2.weight') ?? float32([0]))
  for (const [label, mean] of means) {
    mean.forEach((value, at) => {
      expect(weight[label * 7 + at]).toBeCloseTo(2 * value, 4)
    })
  }
  const answers = await reader.predictions(train, result.model.parameters, [...means.keys()])
  const features = toNumbers(await reader.features(train, trained))
  answers.forEach((answer, row) => {
    const distance = (label: number) =>
      (means.get(label) ?? []).reduce(
        (sum, value, at) => sum + (value - (features[row * 7 + at] ?? 0)) ** 2,
        0,
      )
    const [first = 0, second = 0] = [...means.keys()]
    expect(answer).toBe(distance(first) <= distance(second) ? first : second)
  })
  await reader.dispose()
})

it('is what tasks are measured by, while training goes on with its own head', async () => {
  const plain = await runToEnd(toyOptions({ stream, method: compose(replay({ perClass: 5 })) }))
  const method = compose(nearestMean(), replay({ perClass: 5 }))
  const { result } = await runToEnd(toyOptions({ stream, method }))
  expect(result.parameters.get('layers.2.weight')?.dims).toEqual([6, 7])
  expect(result.record.matrix[0]).not.toEqual(plain.result.record.matrix[0])
  expect(result.record.initial).toEqual(plain.result.record.initial)
})

it('takes the means of old classes anew from what is replayed of them', async () => {
  const method = nearestMean()
  const model = toyModel(stream)
  const first = await rememberedBy(method, emptyState, endOfTask(stream, 0, { model }))
  const moved = new Map(
    [...model.parameters].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
  )
  const bias = moved.get('layers.0.bias')?.data as Float32Array
  bias.fill(1)
  const reader = openReader(
    engine,
    { ...model, parameters: moved as typeof model.parameters },
    stream.outputs,
  )
  const sources = () => [{ name: 'replay', dataset: trainOf(0), tasks: 0, size: 4, weight: 0.5 }]
  const context = endOfTask(stream, 1, { model, reader, trace: { sources, samplers: {}, slots: new Map() } })
  const state = await rememberedBy(method, first, context)
  const expected = meansOf(toNumbers(await reader.features(trainOf(0))), toNumbers(trainOf(0).labels), 7)
  const found = toNumbers(state.tensors.get('means') ?? float32([0]))
  for (const [label, mean] of expected) {
    mean.forEach((value, at) => {
      expect(found[label * 7 + at]).toBeCloseTo(value, 4)
    })
  }
  await reader.dispose()
})

it('needs a head with a bias, and classes', () => {
  const state = {
    tensors: new Map([
      ['means', float32([6, 7])],
      ['counts', float32([6])],
    ]),
    values: {},
  }
  const model = toyModel(stream)
  const wider = { ...model, parameters: new Map([...model.parameters, ['layers.2.weight', float32([6, 8])]]) }
  expect(() => nearestMean().answer?.(wider, state)).toThrow(
    expect.objectContaining({ code: 'nearest-mean-head' }),
  )
  expect(() => compose(nearestMean(), nearestMean())).toThrow(
    expect.objectContaining({ code: 'compose-answer' }),
  )
})
