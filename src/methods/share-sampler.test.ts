import { describe, expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { toyDecoder, toyLanguage, toyTexts } from '../../test/toy-language.ts'
import { bitsOf, engine, memoryStore, runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { samples } from '../data/dataset.ts'
import { createPool } from '../data/memory/index.ts'
import { openReader } from '../evaluate/reader.ts'
import { randomStream } from '../tensor/random.ts'
import { learn } from '../train/run/learn.ts'
import { taskContext } from '../train/run/task-context.ts'
import { createBatchSampler } from '../train/step/samplers.ts'
import { compose } from './compose.ts'
import { distil } from './distil.ts'
import type { Json } from './method.ts'
import { replay } from './replay.ts'
import { emptyState } from './state.ts'

const model = toyDecoder()
const stream = toyLanguage([1, 2])

/** The batches of the second task, with the rows of the pool where the memory lies. */
async function batches(oldShare: number, batchSize = 8, saved: { readonly [source: string]: Json } = {}) {
  const method = replay({ perClass: 5, oldShare })
  const state = await rememberedBy(method, emptyState, endOfTask(stream, 0, { model }))
  const task = { ...taskContext(stream, 1, batchSize), batchSize }
  const fresh = { name: 'new', dataset: task.train, tasks: 1, size: batchSize, weight: 1 }
  const sources = method.sources?.([fresh], state, task) ?? []
  const pool = createPool(sources)
  const sampler = createBatchSampler(sources, pool, (name) => randomStream(1, name), saved)
  const old = (row: number) => row >= samples(task.train)
  return { sources, sampler, old, width: sources.reduce((sum, { size }) => sum + size, 0) }
}

describe('a share of old rows', () => {
  it.each([
    [0.01, 8],
    [0.05, 8],
    [0.1, 8],
    [0.25, 8],
    [0.1, 10],
    [0.3, 5],
    [0.6, 3],
  ])('is that of all rows drawn, whole steps or not: %f of %i', async (share, batchSize) => {
    const { sampler, old, width } = await batches(share, batchSize)
    expect(width).toBe(batchSize)
    let counted = 0
    let steps = 0
    // In calls of any number of steps.
    for (const many of [1, 7, 50, 200, 142]) {
      const { rows } = sampler.next(many)
      for (let step = 0; step < many; step++) {
        const here = [...rows.subarray(step * width, (step + 1) * width)].filter(old).length
        counted += here
        steps++
        expect(Math.abs(counted - steps * batchSize * share)).toBeLessThan(1)
      }
    }
    expect(counted).toBe(Math.floor(steps * batchSize * share + 1e-6))
  })

  it('counts each row alike in the loss', async () => {
    for (const share of [0.01, 0.25]) {
      const { sources, width } = await batches(share)
      for (const { size, weight } of sources) expect(weight / size).toBeCloseTo(1 / width, 12)
    }
  })

  it('goes through all old rows before one comes again', async () => {
    const { sampler, old, width } = await batches(0.25)
    const rows = [...sampler.next(10).rows].filter((row) => old(row))
    expect(width).toBe(8)
    for (let from = 0; from < 20; from += 5) expect(new Set(rows.slice(from, from + 5)).size).toBe(5)
  })

  it('goes on where it stood', async () => {
    const whole = (await batches(0.1)).sampler
    const expected = [...whole.next(5).rows, ...whole.next(9).rows]
    const first = (await batches(0.1)).sampler
    const begun = [...first.next(5).rows]
    const resumed = (await batches(0.1, 8, JSON.parse(JSON.stringify(first.state())))).sampler
    expect([...begun, ...resumed.next(9).rows]).toEqual(expected)
    await expect(batches(0.1, 8, { replay: { steps: 1 } })).rejects.toMatchObject({ code: 'share-state' })
  })

  it.each(['domain', 'class', 'task'] as const)(
    'trains from any checkpoint to the same bits, %s',
    async (scenario) => {
      const options = {
        ...{ stream: toyStream(scenario), method: compose(replay({ perClass: 3, oldShare: 0.1 }), distil()) },
        ...{ iterations: 6, checkpointEvery: 2, stepsPerCall: 2 },
      }
      const whole = await runToEnd(toyOptions(options))
      const store = memoryStore()
      let progress = 0
      for await (const event of learn(toyOptions({ ...options, store }))) {
        if (event.type === 'progress' && ++progress === 5) break
      }
      const { result } = await runToEnd(toyOptions({ ...options, store }))
      expect(bitsOf(result.parameters) === bitsOf(whole.result.parameters)).toBe(true)
    },
  )

  it('is a number of its own, and leaves new rows a place', async () => {
    const refused = (make: () => unknown) =>
      expect(make).toThrow(expect.objectContaining({ code: 'replay-share' }))
    refused(() => replay({ oldShare: 1 }))
    refused(() => replay({ oldShare: 0 }))
    refused(() => replay({ oldShare: 0.1, capacity: 10 }))
    refused(() => replay({ oldShare: 0.1, batchSize: 2 }))
    refused(() => replay({ oldShare: 0.1, newShare: () => 0.5 }))
    await expect(batches(0.9, 4)).rejects.toMatchObject({ code: 'replay-share' })
  })
})

it('beside it distil teaches on old rows alone, and nothing where a step has none', async () => {
  const vocabulary = 300
  const teacher = toyDecoder({ vocabulary })
  const old = toyTexts(3, 6, vocabulary)
  const past = { units: Array.from({ length: vocabulary }, (_, unit) => unit), train: old }
  const losses = async (oldShare: number, steps: number) => {
    const { events } = await runToEnd(
      toyOptions({
        ...{ engine, model: teacher, past, stream: toyLanguage([2], 12, vocabulary) },
        ...{ iterations: steps, batchSize: 4, learningRate: 0, stepsPerCall: 1 },
        method: compose(replay({ perClass: 6, oldShare }), distil({ temperature: 1, topTokens: 20 })),
      }),
    )
    return events.flatMap((event) =>
      event.type === 'progress' ? [event.losses.distillation ?? Number.NaN] : [],
    )
  }
  const reader = openReader(engine, teacher, vocabulary)
  const { logProbabilities } = await reader.topTokens(old, { k: 20 })
  await reader.dispose()
  const rowEntropy = Array.from({ length: samples(old) }, (_, row) => {
    const places = Array.from({ length: 8 }, (__, place) => row * 8 + place).filter(
      (place) => Number(old.labels.data[place]) >= 0,
    )
    const each = places.map((place) => {
      const logs = logProbabilities.data.subarray(place * 20, (place + 1) * 20)
      const rest = 1 - logs.reduce((sum, log) => sum + Math.exp(log), 0)
      return logs.reduce((sum, log) => sum - Math.exp(log) * log, 0) - rest * Math.log(rest)
    })
    return each.reduce((sum, value) => sum + value, 0) / each.length
  })
  // One old row in every second step of four: the loss is its entropy, or 0.
  const found = await losses(0.125, 6)
  expect(found.filter((loss) => loss === 0)).toHaveLength(3)
  for (const loss of found.filter((value) => value !== 0)) {
    expect(Math.min(...rowEntropy.map((value) => Math.abs(value - loss)))).toBeLessThan(1e-3)
  }
})
