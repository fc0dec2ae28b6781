import { expect, it } from 'vitest'
import { endOfTask } from '../../test/method-contexts.ts'
import { memoryStore, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { sgd } from '../train/step/optimisers.ts'
import { compose } from './compose.ts'
import { emptyState } from './method.ts'
import { none } from './none.ts'
import { si } from './si.ts'

const RATE = 0.05
const STRENGTH = 0.3
const DAMPING = 0.1
const STEPS = 12

/** Every state that a run saves, one a step. */
async function states(method = si({ strength: STRENGTH, damping: DAMPING })) {
  const saved: RunState[] = []
  const options = toyOptions({
    stream: toyStream('class'),
    method,
    settings: { optimiser: sgd() },
    learningRate: RATE,
    iterations: STEPS,
    ...{ stepsPerCall: 1, checkpointEvery: 1 },
    store: { ...memoryStore(), save: async (state) => void saved.push(state) },
  })
  const { events } = await runToEnd(options)
  return { saved, events, model: options.model }
}
const NAME = 'layers.0.weight'
const weightOf = ({ tensors }: RunState) => toNumbers(tensors.get(`parameter/${NAME}`) ?? fail())
const fail = (): never => {
  throw new Error('not there')
}

it('adds up -g dtheta over the steps, without the penalty, and divides by the squared way', async () => {
  const { saved, model } = await states()
  // With plain SGD a step is -rate (g + 2 c Omega (theta - theta*)), so the path tells the gradients.
  const start = toNumbers(model.parameters.get(NAME) ?? fail())
  const importance = start.map(() => 0)
  let anchor = start
  for (const task of [0, 1, 2]) {
    const path = [anchor, ...saved.slice(task * STEPS, (task + 1) * STEPS).map(weightOf)]
    const held = [...importance]
    start.forEach((_, at) => {
      let omega = 0
      for (let step = 0; step < STEPS; step++) {
        const [before = 0, after = 0] = [path[step]?.[at], path[step + 1]?.[at]]
        const pull = 2 * STRENGTH * (held[at] ?? 0) * (before - (anchor[at] ?? 0))
        omega -= (-(after - before) / RATE - pull) * (after - before)
      }
      const way = (path.at(-1)?.[at] ?? 0) - (anchor[at] ?? 0)
      importance[at] = (held[at] ?? 0) + omega / (way ** 2 + DAMPING)
    })
    anchor = path.at(-1) ?? fail()
    const state = saved[(task + 1) * STEPS - 1] ?? fail()
    const found = toNumbers(state.method.tensors.get(`importance/${NAME}`) ?? fail())
    const largest = Math.max(...importance.map(Math.abs))
    expect(largest).toBeGreaterThan(0.01)
    found.forEach((value, at) => {
      expect(Math.abs(value - (importance[at] ?? 0)) / largest).toBeLessThan(1e-4)
    })
    expect(toNumbers(state.method.tensors.get(`anchor/${NAME}`) ?? fail())).toEqual(anchor)
  }
})

it('is no longer fine-tuning in the second task, and says what the penalty is', async () => {
  const [held, plain] = [await states(), await states(compose(none()))]
  const at = (run: typeof held, step: number) => weightOf(run.saved[step] ?? fail())
  expect(at(held, STEPS - 1)).toEqual(at(plain, STEPS - 1))
  expect(at(held, 2 * STEPS - 1)).not.toEqual(at(plain, 2 * STEPS - 1))
  const penalties = held.events.flatMap((event) =>
    event.type === 'progress' && event.task === 1 ? [event.losses.penalty] : [],
  )
  expect(penalties[0]).toBe(0)
  expect(penalties.at(-1)).toBeGreaterThan(0)
})

it('carries the path in checkpoints, and only within its task', async () => {
  const { saved } = await states()
  const within = saved[3]?.tensors.get(`slot/path/${NAME}`)
  expect(within && toNumbers(within).some((value) => value !== 0)).toBe(true)
  expect([...(saved[STEPS - 1]?.tensors.keys() ?? [])].some((name) => name.startsWith('slot/'))).toBe(false)
})

it('refuses a past that it did not see', async () => {
  const stream = toyStream('class')
  const context = endOfTask(stream, 0, { model: toyModel(stream), trace: undefined })
  await expect(si().consolidate?.(emptyState, context)).rejects.toThrow(
    expect.objectContaining({ code: 'si-path' }),
  )
  expect(() => si({ damping: 0 })).toThrow(/"damping".*expected a number above 0, found 0/)
})
