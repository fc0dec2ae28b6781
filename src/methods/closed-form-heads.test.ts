import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { bitsOf, engine, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { classLabels } from '../data/dataset.ts'
import { openReader } from '../evaluate/reader.ts'
import { expansionOf, requireHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { ldaHead, ranpac, ridgeHead } from './closed-form-heads.ts'
import { compose } from './compose.ts'
import { ewc } from './ewc.ts'
import { emptyState, type Method, type MethodState } from './method.ts'
import { nearestMean } from './nearest-mean.ts'
import { createMethod } from './registry.ts'
import { replay } from './replay.ts'
import { sam } from './sam.ts'

const stream = toyStream('class')
const model = toyModel(stream)

/** What a method remembers after tasks, all with the weights of one model. */
async function learned(method: Method, tasks: readonly number[]): Promise<MethodState> {
  let state = emptyState
  for (const task of tasks) state = await rememberedBy(method, state, endOfTask(stream, task, { model }))
  return state
}

const headOf = (read: Model | undefined): { weights: number[][]; biases: number[] } => {
  if (!read) throw new Error('no model')
  const { weight, bias = '' } = requireHead(read)
  const { dims, data } = read.parameters.get(weight) as Tensor<'float32'>
  const width = dims[1] ?? 0
  return {
    weights: Array.from({ length: dims[0] ?? 0 }, (_, row) => [
      ...data.subarray(row * width, (row + 1) * width),
    ]),
    biases: toNumbers(read.parameters.get(bias) as Tensor),
  }
}

/** All rows of tasks as the model's features, with their labels. */
async function rowsOf(tasks: readonly number[]): Promise<{ f: number[][]; y: number[] }> {
  const reader = openReader(engine, model, stream.outputs)
  const f: number[][] = []
  const y: number[] = []
  for (const task of tasks) {
    const train = stream.tasks[task]?.train
    if (!train) throw new Error('no task')
    const { data, dims } = await reader.features(train)
    const width = dims[1] ?? 0
    for (const [row, label] of classLabels(train).entries()) {
      f.push([...data.subarray(row * width, (row + 1) * width)])
      y.push(label)
    }
  }
  await reader.dispose()
  return { f, y }
}

/** x with A x = b for each column b, by Gauss and Jordan. */
function solve(a: number[][], b: number[][]): number[][] {
  const rows = a.map((row, at) => [...row, ...(b[at] ?? [])])
  for (const [at, pivot] of rows.entries()) {
    const by = pivot[at] ?? 0
    for (const [column, value] of pivot.entries()) pivot[column] = value / by
    for (const other of rows) {
      if (other === pivot) continue
      const factor = other[at] ?? 0
      for (const [column, value] of pivot.entries()) other[column] = (other[column] ?? 0) - factor * value
    }
  }
  return rows.map((row) => row.slice(a.length))
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

it('is ridge regression on all rows of all tasks, by the normal equations', async () => {
  const shrinkage = 0.1
  const method = ridgeHead({ shrinkage })
  const { weights, biases } = headOf(method.answer?.(model, await learned(method, [0, 1, 2])))
  const { f, y } = await rowsOf([0, 1, 2])
  const width = f[0]?.length ?? 0
  const centre = Array.from({ length: width }, (_, at) => mean(f.map((row) => row[at] ?? 0)))
  const x = f.map((row) => row.map((value, at) => value - (centre[at] ?? 0)))
  const gram = centre.map((_, i) =>
    centre.map((_, j) => x.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0)),
  )
  const lambda = shrinkage * mean(gram.map((row, at) => row[at] ?? 0))
  const ridged = gram.map((row, i) => row.map((value, j) => value + (i === j ? lambda : 0)))
  const towards = centre.map((_, at) =>
    Array.from({ length: 6 }, (_, unit) =>
      x.reduce((sum, row, n) => sum + (y[n] === unit ? (row[at] ?? 0) : 0), 0),
    ),
  )
  const solved = solve(ridged, towards)
  // One factor for all of it, as a softmax needs.
  const scale = (weights[0]?.[0] ?? 0) / (solved[0]?.[0] ?? 0)
  expect(scale).toBeGreaterThan(1)
  for (let unit = 0; unit < 6; unit++) {
    for (let at = 0; at < width; at++)
      expect(weights[unit]?.[at]).toBeCloseTo(scale * (solved[at]?.[unit] ?? 0), 3)
    const own = solved.map((row) => row[unit] ?? 0)
    const offset = 1 / 6 - own.reduce((sum, value, at) => sum + value * (centre[at] ?? 0), 0)
    expect(biases[unit]).toBeCloseTo(scale * offset, 3)
  }
})

it('is discriminant analysis: logits differ as those of Gaussians of one covariance', async () => {
  const method = ldaHead({ shrinkage: 0.2 })
  const { weights, biases } = headOf(method.answer?.(model, await learned(method, [0, 1, 2])))
  const { f, y } = await rowsOf([0, 1, 2])
  const width = f[0]?.length ?? 0
  const means = Array.from({ length: 6 }, (_, unit) =>
    Array.from({ length: width }, (_, at) =>
      mean(f.filter((_, n) => y[n] === unit).map((row) => row[at] ?? 0)),
    ),
  )
  const x = f.map((row, n) => row.map((value, at) => value - (means[y[n] ?? 0]?.[at] ?? 0)))
  const s =
    means[0]?.map(
      (_, i) => means[0]?.map((_, j) => mean(x.map((row) => (row[i] ?? 0) * (row[j] ?? 0)))) ?? [],
    ) ?? []
  const unitOf = mean(s.map((row, at) => row[at] ?? 0))
  const shrunk = s.map((row, i) => row.map((value, j) => (value + (i === j ? 0.2 * unitOf : 0)) / 1.2))
  const squared = (row: readonly number[], m: readonly number[]): number => {
    const apart = row.map((value, at) => value - (m[at] ?? 0))
    return solve(
      shrunk,
      apart.map((value) => [value]),
    ).reduce((sum, [value = 0], at) => sum + value * (apart[at] ?? 0), 0)
  }
  const logit = (row: readonly number[], unit: number) =>
    (biases[unit] ?? 0) + row.reduce((sum, value, at) => sum + value * (weights[unit]?.[at] ?? 0), 0)
  const [one = [], other = []] = [f[0], f[25]]
  const gaussian = (row: readonly number[]) =>
    (squared(row, means[3] ?? []) - squared(row, means[0] ?? [])) / 2
  const scale = (logit(one, 0) - logit(one, 3)) / gaussian(one)
  expect((logit(other, 0) - logit(other, 3)) / gaussian(other)).toBeCloseTo(scale, 2)
})

describe.each([
  ['ridge', ridgeHead()],
  ['lda', ldaHead()],
  ['ranpac', ranpac({ randomFeatures: 12 })],
] as const)('%s', (name, method) => {
  it('is the same whatever the order of the tasks', async () => {
    const [one, other] = [await learned(method, [0, 1, 2]), await learned(method, [2, 0, 1])]
    // The directions are drawn in the first task that there is: those of the other order are taken over.
    const again = name === 'ranpac' ? await sameDirections(method, one, [2, 0, 1]) : other
    const [a, b] = [one, again].map((state) => headOf(method.answer?.(model, state)))
    const flat = (head: typeof a) => [...(head?.weights.flat() ?? []), ...(head?.biases ?? [])]
    const most = Math.max(...flat(a).map(Math.abs))
    flat(a).forEach((value, at) => {
      expect(Math.abs(value - (flat(b)[at] ?? Number.NaN)) / most).toBeLessThan(1e-4)
    })
  })

  it('trains in the first task alone, and leaves the body as it was then', async () => {
    const first = { ...stream, tasks: stream.tasks.slice(0, 1) }
    const once = await runToEnd(toyOptions({ stream: first, model, method: createMethod('none') }))
    const { events, result } = await runToEnd(toyOptions({ stream, method }))
    const trained = events.flatMap((event) => (event.type === 'progress' ? [event.task] : []))
    expect(new Set(trained)).toEqual(new Set([0]))
    expect(bitsOf(result.parameters)).toBe(bitsOf(once.result.parameters))
    expect(result.record.matrix).toHaveLength(3)
    expect(events[0]).toMatchObject({ steps: 60, trained: 20 })
  })

  it('keeps old classes where plain training forgets them, and answers none that it has not seen', async () => {
    const { result } = await runToEnd(
      toyOptions({ stream: toyStream('class', { perClass: 40 }), method, iterations: 100 }),
    )
    expect(result.record.matrix.at(-1)?.[0]).toBeGreaterThan(0.5)
    expect(result.record.matrix[0]?.slice(1)).toEqual([0, 0])
  })

  it('refuses what could only hold weights that never move, and what reads the model otherwise', () => {
    expect(() => compose(method, ewc())).toThrow(/nothing trains after the first task.*ewc to hold/)
    expect(() => compose(replay(), method)).toThrow(/replay to hold/)
    expect(() => compose(method, nearestMean())).toThrow()
    expect(
      compose(method, sam()).trains?.({ index: 1 } as Parameters<NonNullable<Method['trains']>>[0]),
    ).toBe(false)
  })

  it('refuses rows without one class each, and heads that cannot say "never"', async () => {
    const task = endOfTask(stream, 0, { model })
    const numbers = { ...task.train, labels: float32([task.train.labels.dims[0] ?? 0, 1]) }
    await expect(rememberedBy(method, emptyState, { ...task, train: numbers })).rejects.toThrow(/labels/)
  })
})

/** The same tasks in another order, with the random directions of a state. */
async function sameDirections(
  method: Method,
  { values }: MethodState,
  tasks: readonly number[],
): Promise<MethodState> {
  let state: MethodState = { tensors: new Map(), values }
  for (const task of tasks) state = await rememberedBy(method, state, endOfTask(stream, task, { model }))
  return state
}

it('reads the model of ranpac by random features, whose directions differ from run to run', async () => {
  const method = ranpac({ randomFeatures: 12 })
  const read = async (seed: number) => {
    const { result } = await runToEnd(toyOptions({ stream, method, seed, iterations: 2 }))
    return expansionOf(result.model)?.weight
  }
  const [one, other] = [await read(1), await read(2)]
  // Features of a Relu pass once, and twelve are random.
  expect(one?.dims).toEqual([7, 19])
  expect(other?.dims).toEqual([7, 19])
  expect(toNumbers(one ?? float32([0])).join()).not.toBe(toNumbers(other ?? float32([0])).join())
})
