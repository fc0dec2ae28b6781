import { describe, expect, it } from 'vitest'
import {
  bitsOf,
  engine,
  memoryStore,
  runToEnd,
  toyModel,
  toyOptions,
  toyStream,
} from '../../../test/toy-learning.ts'
import { type Dataset, samples } from '../../data/dataset.ts'
import { createEvaluator } from '../../evaluate/evaluate.ts'
import { none } from '../../methods/none.ts'
import { replay } from '../../methods/replay.ts'
import type { Scenario } from '../../tasks/stream.ts'
import { toNumbers } from '../../tensor/tensor.ts'
import { adam } from '../step/optimisers.ts'
import { initialState } from '../step/step-inputs.ts'
import type { RunState } from './checkpoint.ts'
import { openWatch } from './early-stopping.ts'
import { learn } from './learn.ts'
import type { LearnOptions } from './options.ts'
import { holdOut } from './stopping-rows.ts'

const rowsOf = (tensor: { dims: readonly number[] } & Parameters<typeof toNumbers>[0]): string[] => {
  const values = toNumbers(tensor)
  const width = values.length / (tensor.dims[0] ?? 1)
  return Array.from({ length: tensor.dims[0] ?? 0 }, (_, row) =>
    values.slice(row * width, (row + 1) * width).join(),
  )
}

describe('holding out', () => {
  const stream = toyStream('class')

  it('parts each task’s training rows in two, by the seed', () => {
    const { stream: rest, validation } = holdOut(stream, { share: 0.25 }, 1)
    for (const task of stream.tasks) {
      const kept = rest.tasks[task.index]?.train
      const held = validation(task.index)
      if (!kept) throw new Error('no task')
      expect([samples(kept), samples(held)]).toEqual([15, 5])
      expect([...rowsOf(kept.inputs), ...rowsOf(held.inputs)].sort()).toEqual(
        rowsOf(task.train.inputs).sort(),
      )
      expect(rest.tasks[task.index]?.test).toEqual(task.test)
    }
    const again = holdOut(stream, { share: 0.25 }, 1).validation(0)
    expect(again).toEqual(validation(0))
    expect(holdOut(stream, { share: 0.25 }, 2).validation(0)).not.toEqual(validation(0))
  })

  it('holds out whole documents of texts', () => {
    const [first] = stream.tasks
    if (!first) throw new Error('no task')
    const count = samples(first.train)
    const of = Int32Array.from({ length: count }, (_, row) => Math.floor(row / 3))
    const documents = { of, bytes: new Float64Array(count), names: [...new Set(of)].map(String) }
    const texts = (own: typeof documents) => ({
      ...stream,
      tasks: [{ ...first, train: { ...first.train, documents: own } }],
    })
    const { stream: rest, validation } = holdOut(texts(documents), { share: 0.25 }, 1)
    const documentsOf = (part: Dataset | undefined) => [...(part?.documents?.of ?? [])]
    const [kept, held] = [documentsOf(rest.tasks[0]?.train), documentsOf(validation(0))]
    expect([...kept, ...held].sort((a, b) => a - b)).toEqual([...of])
    expect(held.length).toBeGreaterThanOrEqual(5)
    expect(held.filter((document) => kept.includes(document))).toEqual([])
    const one = { ...documents, of: new Int32Array(count) }
    expect(() => holdOut(texts(one), {}, 1).validation(0)).toThrow(/holds out whole documents, .* has 1/)
  })

  it.each([{ share: 0 }, { share: 1 }, { every: 0 }, { patience: 1.5 }])('refuses %o', (options) => {
    expect(() => holdOut(stream, options, 1)).toThrow(expect.objectContaining({ code: 'early-stopping' }))
  })

  it('leaves something to learn from', () => {
    const tiny = toyStream('class', { perClass: 1 })
    expect(() => holdOut(tiny, { share: 0.9 }, 1).stream.tasks[0]?.train).toThrow(
      expect.objectContaining({ code: 'early-stopping' }),
    )
  })
})

describe('the held-out loss', () => {
  it.each(['task', 'domain', 'class'] as const)(
    'is the cross-entropy of the task, %s-incremental',
    async (scenario) => {
      const stream = toyStream(scenario)
      const model = toyModel(stream)
      const evaluator = createEvaluator(engine, model, stream.outputs)
      const heldOut = holdOut(stream, { share: 0.3, patience: 2 }, 1)
      const task = heldOut.stream.tasks[1]
      if (!task) throw new Error('no task')
      const tensors = initialState(model, adam())
      const watch = await openWatch({ engine, evaluator, heldOut, loss: { labelSmoothing: 0.3 } }, task, {
        early: null,
        tensors,
      } as unknown as RunState)
      const look = (step: number) =>
        watch.look({ step, updates: step, tensors, snapshot: async () => tensors })
      expect([await look(1), await look(2), await look(3)]).toEqual([false, false, true])
      const validation = heldOut.validation(1)
      const logits = toNumbers(await evaluator.logits(validation, tensors))
      const units = scenario === 'task' ? task.units : range(stream.outputs)
      const losses = toNumbers(validation.labels).map((label, row) => {
        const of = (unit: number) => logits[row * stream.outputs + unit] ?? 0
        return Math.log(units.reduce((sum, unit) => sum + Math.exp(of(unit)), 0)) - of(label)
      })
      const mean = losses.reduce((sum, value) => sum + value, 0) / losses.length
      expect(watch.best()).toMatchObject({ step: 1, updates: 1 })
      expect(watch.best()?.loss).toBeCloseTo(mean, 5)
      await watch.dispose()
      await evaluator.dispose()
    },
  )
})

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

describe('a run with early stopping', () => {
  /** A learning rate that soon spoils what was learned. */
  const options = (scenario: Scenario, given: Partial<LearnOptions> = {}): LearnOptions => {
    const method = given.method ?? none()
    return toyOptions({
      ...{ stream: toyStream(scenario), method, settings: { optimiser: adam() }, learningRate: 0.3 },
      ...{ iterations: 120, earlyStopping: { share: 0.3, every: 4, patience: 2 }, stepsPerCall: 3 },
      ...given,
    })
  }

  it('ends tasks before their last step, with the parameters of the best look', async () => {
    const { events, result } = await runToEnd(options('class'))
    const stops = events.filter((event) => event.type === 'stopped-early')
    expect(stops.length).toBeGreaterThan(0)
    const [stop] = stops
    expect(stop?.step).toBeLessThan(120)
    expect(stop && stop.step % 4).toBe(0)
    // The same run, ended by its number of steps where the first task was at its best.
    const best = (stop?.step ?? 0) - 8
    const one = toyStream('class')
    const first = { ...one, tasks: one.tasks.slice(0, 1) }
    const whole = await runToEnd(options('class', { stream: first }))
    const short = await runToEnd(
      options('class', { stream: first, iterations: best, earlyStopping: { share: 0.3, every: best } }),
    )
    expect(bitsOf(whole.result.parameters) === bitsOf(short.result.parameters)).toBe(true)
    expect(result.record.matrix).toHaveLength(3)
    expect(result.record.matrix[0]?.slice(0, 1)).toEqual(whole.result.record.matrix[0])
  })

  it('also keeps the best of a task that goes to its last step', async () => {
    const one = toyStream('class')
    const first = { ...one, tasks: one.tasks.slice(0, 1) }
    const given = { stream: first, iterations: 60, learningRate: 0.3 }
    const patient = await runToEnd(
      options('class', { ...given, earlyStopping: { share: 0.3, every: 4, patience: 99 } }),
    )
    expect(patient.events.some((event) => event.type === 'stopped-early')).toBe(false)
    const last = await runToEnd(options('class', { ...given, earlyStopping: { share: 0.3, every: 60 } }))
    expect(bitsOf(patient.result.parameters) === bitsOf(last.result.parameters)).toBe(false)
  })

  it('does not depend on the steps a call', async () => {
    const bits = []
    for (const stepsPerCall of [1, 50])
      bits.push(bitsOf((await runToEnd(options('task', { stepsPerCall }))).result.parameters))
    expect(bits[0] === bits[1]).toBe(true)
  })

  it.each([
    ['none', () => none()],
    ['a reservoir', () => replay({ capacity: 6 })],
  ] as const)('goes on from a checkpoint to the same bits: %s', async (_, make) => {
    const whole = await runToEnd(options('domain', { method: make(), checkpointEvery: 5 }))
    for (const calls of [3, 7, 12, 20]) {
      const store = memoryStore()
      let progress = 0
      for await (const event of learn(options('domain', { method: make(), checkpointEvery: 5, store }))) {
        if (event.type === 'progress' && ++progress === calls) break
      }
      const { result } = await runToEnd(options('domain', { method: make(), checkpointEvery: 5, store }))
      expect(bitsOf(result.parameters) === bitsOf(whole.result.parameters), `after ${calls} calls`).toBe(true)
      expect(result.record.matrix).toEqual(whole.result.record.matrix)
    }
  })

  it('keeps exemplars of the rows that were learned from, not of those held out', async () => {
    const store = memoryStore()
    const used = options('class', { method: replay({ perClass: 50 }), store })
    await runToEnd(used)
    const state = await store.load()
    expect(state?.early).toBeNull()
    expect([...(state?.tensors.keys() ?? [])].some((name) => name.startsWith('best/'))).toBe(false)
    const memory = state?.method.tensors.get('memory/inputs')
    if (!memory) throw new Error('no memory')
    const { validation } = holdOut(used.stream, used.earlyStopping ?? {}, used.seed)
    const held = new Set([0, 1, 2].flatMap((index) => rowsOf(validation(index).inputs)))
    const kept = rowsOf(memory)
    expect(kept).toHaveLength(60 - held.size)
    expect(kept.filter((row) => held.has(row))).toEqual([])
  })
})
