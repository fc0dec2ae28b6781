import { describe, expect, it } from 'vitest'
import {
  bitsOf,
  engine,
  memoryStore,
  runToEnd,
  toyData,
  toyModel,
  toyOptions,
  toyStream,
} from '../../../test/toy-learning.ts'
import { ewc } from '../../methods/ewc.ts'
import { joint } from '../../methods/joint.ts'
import { lwf } from '../../methods/lwf.ts'
import { none } from '../../methods/none.ts'
import { replay } from '../../methods/replay.ts'
import { batchNorm2d, conv2d } from '../../model/layers/convolutions.ts'
import { dropout, flatten, linear, relu, sequential } from '../../model/layers/layers.ts'
import { network } from '../../model/layers/network.ts'
import { splitStream } from '../../tasks/split.ts'
import type { TaskStream } from '../../tasks/stream.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { adam, sgd } from '../step/optimisers.ts'
import type { LearnEvent } from './events.ts'
import { learn } from './learn.ts'
import type { LearnOptions } from './options.ts'

const floats = (tensor: Tensor | undefined): number[] => [...((tensor?.data ?? []) as Float32Array)]

describe('events', () => {
  it('tell a run in order', async () => {
    const store = memoryStore()
    const options = toyOptions({
      ...{ stream: toyStream('class'), method: ewc(), store },
      ...{ iterations: 6, stepsPerCall: 2, evaluateEvery: 4, checkpointEvery: 4 },
    })
    const { events, result } = await runToEnd(options)
    const brief = events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type))
    const task = ['task-started', 'progress 2', 'progress 4', 'evaluated 4', 'checkpoint 4', 'progress 6']
    const end = ['consolidated', 'task-finished']
    expect(brief).toEqual([
      'started',
      ...[...task, ...end, 'checkpoint 0'],
      ...[...task, ...end, 'checkpoint 0'],
      ...[...task, ...end, 'checkpoint 6'],
      'finished',
    ])
    expect(events[0]).toMatchObject({ steps: 18, resumed: false })
    expect(store.saves).toBe(6)
    expect(result.record.matrix).toHaveLength(3)
    expect(
      result.record.curve.map(({ step, accuracies }) => [step, accuracies.filter((a) => a !== null).length]),
    ).toEqual([
      [4, 1],
      [6, 1],
      [10, 2],
      [12, 2],
      [16, 3],
      [18, 3],
    ])
  })

  it('give losses that fall', async () => {
    const { events } = await runToEnd(
      toyOptions({ stream: toyStream('task'), method: none(), iterations: 40, stepsPerCall: 10 }),
    )
    const losses = events.flatMap((event) =>
      event.type === 'progress' && event.task === 0 ? [event.losses.task ?? 0] : [],
    )
    expect(losses).toHaveLength(4)
    expect(losses[3]).toBeLessThan((losses[0] ?? 0) / 2)
  })

  it('say when a finished run is asked for again', async () => {
    const store = memoryStore()
    const options = toyOptions({ stream: toyStream('class'), method: none(), iterations: 3, store })
    const first = await runToEnd(options)
    const second = await runToEnd(options)
    expect(second.events.map(({ type }) => type)).toEqual(['started', 'finished'])
    expect(second.result).toEqual(first.result)
  })
})

describe('a signal', () => {
  it('stops the run with a checkpoint from which it goes on to the same bits', async () => {
    const make = (given: Partial<LearnOptions>) =>
      toyOptions({ stream: toyStream('task'), method: ewc({ lambda: 5 }), stepsPerCall: 3, ...given })
    const whole = await runToEnd(make({}))
    const store = memoryStore()
    const controller = new AbortController()
    const events: LearnEvent[] = []
    for await (const event of learn(make({ store, signal: controller.signal }))) {
      events.push(event)
      if (event.type === 'progress' && event.task === 1 && event.step === 9) controller.abort()
    }
    expect(events.slice(-2)).toEqual([
      { type: 'checkpoint', task: 1, step: 9 },
      { type: 'interrupted', task: 1, step: 9 },
    ])
    const rest = await runToEnd(make({ store }))
    expect(rest.events[0]).toMatchObject({ type: 'started', resumed: true })
    expect(rest.events[1]).toMatchObject({ type: 'progress', task: 1, step: 12 })
    expect(bitsOf(rest.result.parameters) === bitsOf(whole.result.parameters)).toBe(true)
  })
})

describe('a run that diverges', () => {
  it('says where, and leaves the last checkpoint', async () => {
    const store = memoryStore()
    const schedule = (step: number) => (step < 7 ? 1 : 1e30)
    const options = toyOptions({
      ...{ stream: toyStream('class'), method: none(), schedule, store },
      ...{ checkpointEvery: 5, stepsPerCall: 50 },
    })
    await expect(runToEnd(options)).rejects.toThrow(
      expect.objectContaining({
        code: 'diverged',
        message: expect.stringMatching(/"task" of the loss is \S+ at step [89] of task 0/),
      }),
    )
    expect((await store.load())?.position).toEqual({ task: 0, step: 5, phase: 'train' })
  })

  it('is noticed at the last step of a task, too', async () => {
    const store = memoryStore()
    const schedule = (step: number) => (step < 19 ? 1 : Number.MAX_VALUE)
    const options = toyOptions({ stream: toyStream('class'), method: none(), schedule, store })
    await expect(runToEnd(options)).rejects.toThrow(expect.objectContaining({ code: 'diverged' }))
    expect(store.bytes).toBeUndefined()
  })

  it.each([8, 19])('names the methods that the proximal step is of, at step %i', async (last) => {
    const schedule = (step: number) => (step < last ? 1 : Number.MAX_VALUE)
    const options = toyOptions({ stream: toyStream('class'), method: none(), schedule })
    await expect(runToEnd(options)).rejects.toThrow(/ewc and online-ewc .*\(--ewc-step proximal\)/)
  })
})

describe('inactive output units', () => {
  const headRows = (tensors: ReadonlyMap<string, Tensor>, units: readonly number[]) => {
    const [name = ''] = [...tensors.keys()].filter((key) => key.endsWith('weight')).slice(-1)
    const weight = tensors.get(name)
    const width = weight?.dims[1] ?? 0
    return units.map((unit) => floats(weight).slice(unit * width, (unit + 1) * width))
  }
  const learned = async (scenario: 'task' | 'class') => {
    const stream = toyStream(scenario)
    const first: TaskStream = { ...stream, tasks: stream.tasks.slice(0, 1) }
    const model = toyModel(stream)
    const { result } = await runToEnd(toyOptions({ stream: first, model, method: none() }))
    return { before: model.parameters, after: result.parameters }
  }

  it('stay as they were, task-incremental', async () => {
    const { before, after } = await learned('task')
    expect(headRows(after, [2, 3, 4, 5])).toEqual(headRows(before, [2, 3, 4, 5]))
    expect(headRows(after, [0, 1])).not.toEqual(headRows(before, [0, 1]))
  })

  it('are pushed down, class-incremental', async () => {
    const { before, after } = await learned('class')
    for (const unit of [2, 3, 4, 5]) expect(headRows(after, [unit])).not.toEqual(headRows(before, [unit]))
  })

  it('of old tasks are trained by replayed rows of these alone, task-incremental', async () => {
    const stream = toyStream('task')
    for (const method of [replay({ perClass: 3 }), replay({ capacity: 60 }), joint()]) {
      const two: TaskStream = { ...stream, tasks: stream.tasks.slice(0, 2) }
      const model = toyModel(stream)
      const store = memoryStore()
      let between: ReadonlyMap<string, Tensor> | undefined
      for await (const event of learn(toyOptions({ stream: two, model, method, store }))) {
        if (event.type === 'checkpoint' && event.task === 1 && event.step === 0)
          between = (await store.load())?.tensors
      }
      const end = (await store.load())?.tensors
      const name = [...model.parameters.keys()].filter((key) => key.endsWith('weight')).at(-1) ?? ''
      const rows = (tensors: ReadonlyMap<string, Tensor> | undefined, units: number[]) =>
        headRows(new Map([[name, tensors?.get(`parameter/${name}`) ?? float32([0])]]), units)
      expect(rows(end, [0, 1]), method.name).not.toEqual(rows(between, [0, 1]))
      expect(rows(end, [4, 5]), method.name).toEqual(rows(between, [4, 5]))
    }
  })
})

describe('batch normalisation', () => {
  const stream = toyStream('domain', { width: 8, dims: [2, 2, 2] })
  const model = network({
    ...{ name: 'normed', inputDims: [2, 2, 2], classes: 2 },
    layer: sequential({
      conv: conv2d(2, 3, 1),
      norm: batchNorm2d(3),
      act: relu(),
      flat: flatten(),
      head: linear(12, 2),
    }),
  })

  it('keeps account in training, and nowhere else', async () => {
    const frozen = await runToEnd(
      toyOptions({
        stream,
        model,
        method: ewc({ lambda: 1 }),
        learningRate: 0,
        iterations: 1,
        batchSize: 20,
      }),
    )
    // Batches are all of a task's rows, so three updates by known statistics; estimating, evaluating add nothing.
    const plain = await runToEnd(
      toyOptions({ stream, model, method: none(), learningRate: 0, iterations: 1, batchSize: 20 }),
    )
    expect(model.buffers.size).toBeGreaterThan(0)
    for (const [name, before] of model.buffers) {
      expect(frozen.result.buffers.get(name), name).not.toEqual(before)
    }
    expect(bitsOf(frozen.result.buffers) === bitsOf(plain.result.buffers)).toBe(true)
  })

  it.each([
    ['lwf', () => lwf()],
    ['replay', () => replay({ capacity: 7 })],
  ] as const)('resumes to the same bits with %s', async (_, make) => {
    const options = (given: Partial<LearnOptions>) =>
      toyOptions({ stream, model, method: make(), checkpointEvery: 5, stepsPerCall: 5, ...given })
    const whole = await runToEnd(options({}))
    const store = memoryStore()
    let calls = 0
    for await (const event of learn(options({ store }))) if (event.type === 'progress' && ++calls === 7) break
    const { result } = await runToEnd(options({ store }))
    expect(bitsOf(result.buffers) === bitsOf(whole.result.buffers)).toBe(true)
    expect(bitsOf(result.parameters) === bitsOf(whole.result.parameters)).toBe(true)
  })
})

describe('dropout', () => {
  const stream = toyStream('class')
  const model = network({
    ...{ name: 'dropping', inputDims: [5], classes: 6 },
    layer: sequential({ fc: linear(5, 16), drop: dropout(0.5), act: relu(), head: linear(16, 6) }),
  })
  const options = (given: Partial<LearnOptions>) => toyOptions({ stream, model, method: none(), ...given })

  it('drops in training: another seed of the masks, another result', async () => {
    const still = network({
      ...{ name: 'keeping', inputDims: [5], classes: 6 },
      layer: sequential({ fc: linear(5, 16), drop: dropout(0), act: relu(), head: linear(16, 6) }),
    })
    const dropped = await runToEnd(options({}))
    const kept = await runToEnd(options({ model: { ...still, parameters: model.parameters } }))
    expect(bitsOf(dropped.result.parameters) === bitsOf(kept.result.parameters)).toBe(false)
  })

  it('gives the same bits however the run is cut', async () => {
    const whole = await runToEnd(options({ stepsPerCall: 50 }))
    const steps = await runToEnd(options({ stepsPerCall: 3 }))
    const store = memoryStore()
    let calls = 0
    for await (const event of learn(options({ store, checkpointEvery: 6, stepsPerCall: 2 }))) {
      if (event.type === 'progress' && ++calls === 16) break
    }
    const resumed = await runToEnd(options({ store, checkpointEvery: 6 }))
    expect(bitsOf(steps.result.parameters) === bitsOf(whole.result.parameters)).toBe(true)
    expect(bitsOf(resumed.result.parameters) === bitsOf(whole.result.parameters)).toBe(true)
  })
})

describe('the optimiser’s state', () => {
  it('is carried from task to task, or starts anew', async () => {
    const stream = toyStream('class')
    const settings = { optimiser: adam() }
    const carried = await runToEnd(toyOptions({ stream, method: none(), settings }))
    const anew = await runToEnd(toyOptions({ stream, method: none(), settings, resetOptimiser: true }))
    expect(bitsOf(carried.result.parameters) === bitsOf(anew.result.parameters)).toBe(false)
    expect(carried.result.record.matrix[0]).toEqual(anew.result.record.matrix[0])
  })

  it('starts anew after a resume, too', async () => {
    const options = (given: Partial<LearnOptions>) =>
      toyOptions({
        ...{ stream: toyStream('class'), method: none(), settings: { optimiser: adam() } },
        resetOptimiser: true,
        ...given,
      })
    const whole = await runToEnd(options({}))
    const store = memoryStore()
    for await (const event of learn(options({ store }))) if (event.type === 'checkpoint') break
    const { result } = await runToEnd(options({ store }))
    expect(bitsOf(result.parameters) === bitsOf(whole.result.parameters)).toBe(true)
  })
})

describe('settings of the step', () => {
  const stream = toyStream('class')
  const bits = async (settings: LearnOptions['settings'], given: Partial<LearnOptions> = {}) =>
    bitsOf(
      (await runToEnd(toyOptions({ stream, method: none(), settings, iterations: 5, ...given }))).result
        .parameters,
    )

  it('each change what is learned', async () => {
    const optimiser = sgd()
    const all = await Promise.all([
      bits({ optimiser }),
      bits({ optimiser, clipNorm: 0.1 }),
      bits({ optimiser, weightDecay: { rate: 0.1 } }),
      bits({ optimiser, loss: { labelSmoothing: 0.2 } }),
      bits({ optimiser }, { seed: 4 }),
      bits({ optimiser }, { schedule: (step, total) => 1 - step / total }),
    ])
    expect(new Set(all).size).toBe(all.length)
    expect(await bits({ optimiser, clipNorm: 1e9 })).toBe(all[0])
  })

  it('serve a task with fewer rows than a batch', async () => {
    const { result } = await runToEnd(
      toyOptions({ stream, method: replay({ perClass: 2 }), batchSize: 64, iterations: 5 }),
    )
    expect(result.record.matrix).toHaveLength(3)
  })
})

describe('what makes no sense is refused', () => {
  const stream = splitStream(toyData(), toyData({ seed: 2 }), { scenario: 'class', classesPerTask: 2 })
  it.each([
    { iterations: 0 },
    { batchSize: 1.5 },
    { stepsPerCall: 0 },
    { evaluateEvery: 0 },
    { checkpointEvery: -1 },
    { learningRate: Number.NaN },
  ])('%o', async (given) => {
    await expect(runToEnd(toyOptions({ stream, method: none(), ...given }))).rejects.toThrow(
      expect.objectContaining({ code: 'learn-options' }),
    )
  })

  it('a model that has not the outputs of the stream', async () => {
    const model = toyModel(toyStream('domain'))
    await expect(runToEnd(toyOptions({ stream, model, engine, method: none() }))).rejects.toThrow(
      expect.objectContaining({ code: 'model-outputs' }),
    )
  })
})
