import { describe, expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { toyStream } from '../../test/toy-learning.ts'
import { unitPixels, withPreprocessing } from '../data/dataset.ts'
import { createPool } from '../data/memory/pool.ts'
import type { Scenario } from '../tasks/stream.ts'
import { randomStream } from '../tensor/random.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import { createBatchSampler } from '../train/step/samplers.ts'
import { compose } from './compose.ts'
import { distil } from './distil.ts'
import { ewc } from './ewc.ts'
import { joint } from './joint.ts'
import {
  type BatchSource,
  type ConsolidateContext,
  emptyState,
  type Json,
  type Method,
  type MethodState,
} from './method.ts'
import { type ReplayOptions, replay } from './replay.ts'

const BATCH = 8

function contextOf(
  scenario: Scenario,
  index: number,
  samplers: { [name: string]: Json } = {},
): ConsolidateContext {
  const trace = { sources: () => [], samplers, slots: new Map() }
  return endOfTask(toyStream(scenario), index, { trace })
}

const base = (scenario: Scenario, index: number): BatchSource => ({
  name: 'new',
  dataset: contextOf(scenario, index).train,
  tasks: index,
  size: BATCH,
  weight: 1,
})

/** The state of a method after the first tasks, whose samplers ran for some steps each. */
async function stateAfter(
  method: Method,
  scenario: Scenario,
  tasks: number,
  steps = 10,
): Promise<MethodState> {
  let state = emptyState
  for (let index = 0; index < tasks; index++) {
    const sampler = samplerOf(method, state, scenario, index)
    sampler.next(steps)
    const found = await method.consolidate?.(state, contextOf(scenario, index, sampler.state()))
    state = found?.state ?? state
  }
  return state
}

const sourcesOf = (method: Method, state: MethodState, scenario: Scenario, index: number) =>
  method.sources?.([base(scenario, index)], state, contextOf(scenario, index)) ?? []

function samplerOf(method: Method, state: MethodState, scenario: Scenario, index: number) {
  const sources = sourcesOf(method, state, scenario, index)
  return createBatchSampler(sources, createPool(sources), (name) => randomStream(index, name), {})
}

const numbers = (tensor: Tensor | undefined): number[] => (tensor ? toNumbers(tensor) : [])
const brief = (sources: readonly BatchSource[]) =>
  sources.map(({ name, size, weight, tasks }) => ({ name, size, weight, tasks }))

describe('a memory for each class', () => {
  it('holds so many of each class seen, with the task they are of', async () => {
    const state = await stateAfter(replay({ perClass: 3 }), 'class', 2)
    expect(numbers(state.tensors.get('memory/labels')).sort()).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    expect(numbers(state.tensors.get('memory/tasks'))).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    expect(state.tensors.get('memory/inputs')?.dims).toEqual([12, 5])
  })

  it('holds all of a class that has fewer', async () => {
    const state = await stateAfter(replay({ perClass: 100 }), 'class', 1)
    expect(state.tensors.get('memory/inputs')?.dims).toEqual([20, 5])
  })

  it('holds rows with their own labels', async () => {
    const state = await stateAfter(replay({ perClass: 2 }), 'class', 2)
    const stream = toyStream('class')
    const rows = stream.tasks.flatMap(({ train }) => {
      const values = toNumbers(train.inputs)
      return numbers(train.labels).map((label, row) => `${values.slice(row * 5, row * 5 + 5)}: ${label}`)
    })
    const values = numbers(state.tensors.get('memory/inputs'))
    const kept = numbers(state.tensors.get('memory/labels')).map(
      (label, row) => `${values.slice(row * 5, row * 5 + 5)}: ${label}`,
    )
    expect(new Set(kept).size).toBe(8)
    for (const row of kept) expect(rows).toContain(row)
  })

  it('leaves the first task alone', () => {
    expect(sourcesOf(replay(), emptyState, 'class', 0)).toHaveLength(1)
  })

  it.each(['domain', 'class'] as const)(
    'shares the loss 1/k to 1 - 1/k, %s-incremental',
    async (scenario) => {
      const method = replay({ perClass: 10 })
      for (const index of [1, 2]) {
        const [fresh, old, ...others] = brief(
          sourcesOf(method, await stateAfter(method, scenario, index), scenario, index),
        )
        expect(others).toEqual([])
        expect(fresh).toMatchObject({ name: 'new', size: BATCH, weight: 1 / (index + 1) })
        expect(old).toMatchObject({ name: 'replay', size: BATCH, weight: 1 - 1 / (index + 1) })
      }
    },
  )

  it('replays ceil(batch / (k - 1)) rows of each past task, task-incremental', async () => {
    const method = replay({ perClass: 10, batchSize: 7 })
    const sources = sourcesOf(method, await stateAfter(method, 'task', 2), 'task', 2)
    expect(brief(sources)).toEqual([
      { name: 'new', size: BATCH, weight: 1 / 3, tasks: 2 },
      { name: 'replay/0', size: 4, weight: (1 - 1 / 3) / 2, tasks: 0 },
      { name: 'replay/1', size: 4, weight: (1 - 1 / 3) / 2, tasks: 1 },
    ])
    expect(new Set(numbers(sources[1]?.dataset.labels))).toEqual(new Set([0, 1]))
    expect(new Set(numbers(sources[2]?.dataset.labels))).toEqual(new Set([2, 3]))
  })

  it('never replays more rows than it has', async () => {
    const method = replay({ perClass: 1 })
    const [, old] = sourcesOf(method, await stateAfter(method, 'class', 1), 'class', 1)
    expect(old?.size).toBe(2)
  })

  it('can be given other shares and batches', async () => {
    const method = replay({ perClass: 10, batchSize: 3, newShare: () => 0.75 })
    const [fresh, old] = brief(sourcesOf(method, await stateAfter(method, 'class', 2), 'class', 2))
    expect(fresh?.weight).toBe(0.75)
    expect(old).toMatchObject({ size: 3, weight: 0.25 })
  })

  it('does not stand beside data that are normalised otherwise', async () => {
    const method = replay({ perClass: 2 })
    const state = await stateAfter(method, 'class', 1)
    const train = withPreprocessing(contextOf('class', 1).train, unitPixels)
    const context = { ...contextOf('class', 1), train }
    const sources = method.sources?.([{ ...base('class', 1), dataset: train }], state, context) ?? []
    expect(() => createPool(sources)).toThrow(expect.objectContaining({ code: 'pool-mismatch' }))
  })
})

describe('a reservoir', () => {
  it('replays the new rows themselves while it holds nothing: plain training', () => {
    const rows = samplerOf(replay({ capacity: 5 }), emptyState, 'class', 0).next(1).rows
    expect([...rows.subarray(BATCH)]).toEqual([...rows.subarray(0, BATCH)])
  })

  it('replays what it has seen, from the second step on', () => {
    const rows = samplerOf(replay({ capacity: 50 }), emptyState, 'class', 0).next(4).rows
    const seen = new Set<number>()
    for (let step = 0; step < 4; step++) {
      const fresh = [...rows.subarray(step * 2 * BATCH, step * 2 * BATCH + BATCH)]
      const old = [...rows.subarray(step * 2 * BATCH + BATCH, (step + 1) * 2 * BATCH)]
      if (step > 0) for (const row of old) expect(seen.has(row)).toBe(true)
      for (const row of fresh) seen.add(row)
    }
  })

  it('plans the same in one go and in many', () => {
    const whole = samplerOf(replay({ capacity: 5 }), emptyState, 'class', 0).next(12).rows
    const parts = samplerOf(replay({ capacity: 5 }), emptyState, 'class', 0)
    expect([1, 4, 7].flatMap((steps) => [...parts.next(steps).rows])).toEqual([...whole])
  })

  it('holds no more than its capacity, whatever it has seen', async () => {
    const state = await stateAfter(replay({ capacity: 5 }), 'class', 3)
    expect(state.tensors.get('memory/inputs')?.dims).toEqual([5, 5])
    expect(numbers(state.tensors.get('memory/tasks'))).toHaveLength(5)
    expect(state.values.reservoir).toMatchObject({ sampling: { capacity: 5, seen: 3 * 10 * BATCH } })
  })

  it('holds all it has seen while there is room', async () => {
    const state = await stateAfter(replay({ capacity: 100 }), 'class', 2, 2)
    expect(state.tensors.get('memory/inputs')?.dims).toEqual([2 * 2 * BATCH, 5])
  })

  it('keeps labels and tasks with their rows', async () => {
    const state = await stateAfter(replay({ capacity: 12 }), 'task', 3)
    const labels = numbers(state.tensors.get('memory/labels'))
    const tasks = numbers(state.tensors.get('memory/tasks'))
    labels.forEach((label, row) => {
      expect(Math.floor(label / 2)).toBe(tasks[row])
    })
    // Rows of old tasks that were kept are rows of the stream still.
    const stream = toyStream('task')
    const values = numbers(state.tensors.get('memory/inputs'))
    tasks.forEach((task, row) => {
      const inputs = numbers(stream.tasks[task]?.train.inputs)
      const found = values.slice(row * 5, row * 5 + 5).join()
      const all = Array.from({ length: inputs.length / 5 }, (_, at) =>
        inputs.slice(at * 5, at * 5 + 5).join(),
      )
      expect(all).toContain(found)
    })
  })

  it('keeps every sample of the stream with the same chance', async () => {
    const counts = [0, 0, 0]
    const runs = 150
    for (let seed = 0; seed < runs; seed++) {
      let state = emptyState
      const method = replay({ capacity: 6 })
      for (const index of [0, 1, 2]) {
        const sources = sourcesOf(method, state, 'class', index)
        const random = (name: string) => randomStream(seed, `${index}/${name}`)
        const sampler = createBatchSampler(sources, createPool(sources), random, {})
        sampler.next(5)
        const found = await method.consolidate?.(state, contextOf('class', index, sampler.state()))
        state = found?.state ?? state
      }
      for (const task of numbers(state.tensors.get('memory/tasks'))) counts[task] = (counts[task] ?? 0) + 1
    }
    // 300 expected of each task, standard deviation about 14.
    for (const count of counts) expect(Math.abs(count - 2 * runs)).toBeLessThan(60)
  })
})

describe('composed with EWC', () => {
  it('each keeps a state of its own', async () => {
    const method = compose(ewc(), replay({ perClass: 2 }))
    const state = await stateAfter(method, 'class', 1)
    const kinds = new Set([...state.tensors.keys()].map((key) => key.split('/').slice(0, 2).join('/')))
    expect(kinds).toEqual(new Set(['0/importance', '0/anchor', '1/memory']))
    expect(Object.keys(state.values)).toEqual(['0', '1'])
    expect(brief(sourcesOf(method, state, 'class', 1)).map(({ name }) => name)).toEqual(['new', 'replay'])
    const inputs = await method.inputs?.(state, { ...contextOf('class', 1), sources: [] })
    expect([...(inputs?.keys() ?? [])].every((key) => key.startsWith('0/'))).toBe(true)
    expect(method.name).toBe('ewc+replay')
  })

  it('two memories would be one and the same, and are refused', async () => {
    const method = compose(replay({ perClass: 2 }), replay({ perClass: 3 }))
    await expect(stateAfter(method, 'class', 2)).rejects.toThrow(
      expect.objectContaining({ code: 'source-twice' }),
    )
  })

  it('nothing cannot be composed, and one method is itself', () => {
    expect(() => compose()).toThrow(expect.objectContaining({ code: 'compose-empty' }))
    const only = replay()
    expect(compose(only)).toBe(only)
  })
})

describe('joint training', () => {
  it('draws from the data of all tasks so far, in the share of their rows', () => {
    const [source] = sourcesOf(joint(), emptyState, 'class', 2)
    if (!source) throw new Error('no source')
    expect(source.dataset.inputs.dims).toEqual([60, 5])
    expect(source.tasks).toEqual(Int32Array.from({ length: 60 }, (_, row) => Math.floor(row / 20)))
    const counts = [0, 0, 0]
    for (const row of samplerOf(joint(), emptyState, 'class', 2).next(60).rows) {
      const task = Math.floor(row / 20)
      counts[task] = (counts[task] ?? 0) + 1
    }
    // 160 each: epochs go through all rows but the four that are left over.
    for (const count of counts) expect(Math.abs(count - 160)).toBeLessThan(20)
  })

  it('is plain training in the first task', () => {
    expect(sourcesOf(joint(), emptyState, 'class', 0)[0]?.dataset.inputs.dims).toEqual([20, 5])
  })
})

it.each([[{ perClass: 0 }], [{ capacity: 2.5 }], [{ perClass: 2, capacity: 2 }]] as readonly [
  ReplayOptions,
][])('%o is refused', (options) => {
  expect(() => replay(options)).toThrow(expect.objectContaining({ code: 'replay-memory' }))
})

it('has nothing to rehearse beside all rows, and nothing else has to hold', () => {
  for (const other of [replay({ capacity: 5 }), replay({ perClass: 2 }), ewc(), distil()]) {
    expect(() => compose(joint(), other)).toThrow(expect.objectContaining({ code: 'compose-refused' }))
  }
})
