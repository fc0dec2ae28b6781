import { expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { engine, memoryStore, runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import type { Dataset } from '../data/dataset.ts'
import { openReader } from '../evaluate/reader.ts'
import { itemAt } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { sgd } from '../train/step/optimisers.ts'
import { type LessForgetOptions, lessForget } from './less-forget.ts'
import { emptyState, type OpeningContext } from './method.ts'

const STEPS = 4
const stream = toyStream('domain')
const trainOf = (index: number) => itemAt(stream.tasks, index, 'task').train

/** A run whose every batch has all new rows, with the state after each step. */
async function run(options: LessForgetOptions) {
  const states: RunState[] = []
  const given = toyOptions({
    stream,
    method: lessForget(options),
    settings: { optimiser: sgd() },
    ...{ iterations: STEPS, batchSize: 20, stepsPerCall: 1, checkpointEvery: 1 },
    store: { ...memoryStore(), save: async (state) => void states.push(state) },
  })
  const { events } = await runToEnd(given)
  const losses = events.flatMap((event) => (event.type === 'progress' ? [event.losses] : []))
  const featuresAt = async (at: number, rows: Dataset) => {
    const reader = openReader(engine, given.model, stream.outputs)
    const found = await reader.features(
      rows,
      withoutPrefix(itemAt(states, at, 'state').tensors, 'parameter/'),
    )
    await reader.dispose()
    const numbers = toNumbers(found)
    return Array.from({ length: numbers.length / 7 }, (_, row) => numbers.slice(row * 7, (row + 1) * 7))
  }
  return { losses, featuresAt }
}

it.each([
  [{ featureWeight: 3 }, (f: readonly number[]) => f],
  [{ featureWeight: 3, normalised: true }, (f: readonly number[]) => f.map((x) => x / Math.hypot(...f))],
] as const)('adds the weighted mean of 1/2 |f - f*|^2: %o', async (options, scaled) => {
  const { losses, featuresAt } = await run(options)
  const [old, now] = [await featuresAt(STEPS - 1, trainOf(1)), await featuresAt(STEPS + 1, trainOf(1))]
  const each = old.map((row, at) => {
    const [before, after] = [scaled(row), scaled(now[at] ?? [])]
    return before.reduce((sum, value, place) => sum + (value - (after[place] ?? 0)) ** 2, 0) / 2
  })
  expect(each).toHaveLength(20)
  const wanted = (3 * each.reduce((sum, one) => sum + one, 0)) / 20
  expect(wanted).toBeGreaterThan(1e-4)
  // Of the third step of the second task, whose parameters are those after the second.
  expect((losses[STEPS + 2]?.features ?? 0) / wanted).toBeCloseTo(1, 3)
  expect(losses[STEPS]?.features).toBeCloseTo(0, 6)
  expect(losses[0]).not.toHaveProperty('features')
})

it('holds features nearer to the old ones than training without it', async () => {
  const distance = async (featureWeight: number) => {
    const { featuresAt } = await run({ featureWeight })
    const [old, now] = [await featuresAt(STEPS - 1, trainOf(1)), await featuresAt(2 * STEPS - 1, trainOf(1))]
    return old.flat().reduce((sum, value, at) => sum + (value - (now.flat()[at] ?? 0)) ** 2, 0)
  }
  expect(await distance(1)).toBeLessThan(0.9 * (await distance(0)))
})

it('is of features one vector a row', async () => {
  const context = endOfTask(stream, 0)
  const state = await rememberedBy(lessForget(), emptyState, context)
  const train = { ...trainOf(1), kind: 'token-classification' } as Dataset
  const opening = { ...context, train, sources: [] } as unknown as OpeningContext
  await expect(lessForget().inputs?.(state, opening)).rejects.toThrow(
    expect.objectContaining({ code: 'less-forget-tokens' }),
  )
})
