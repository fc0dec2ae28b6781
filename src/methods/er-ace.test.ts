import { expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { engine, memoryStore, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import type { Dataset } from '../data/dataset.ts'
import { openReader } from '../evaluate/reader.ts'
import { itemAt, present, required } from '../required.ts'
import type { Scenario } from '../tasks/stream.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { sgd } from '../train/step/optimisers.ts'
import { type ErAceOptions, erAce } from './er-ace.ts'
import { memoryOf } from './exemplars.ts'
import { emptyState } from './method.ts'

const STEPS = 5

/** A run whose every batch has all new rows of its task, with the state after each step. */
async function run(scenario: Scenario, options: ErAceOptions) {
  const stream = toyStream(scenario)
  const states: RunState[] = []
  const given = toyOptions({
    stream,
    method: erAce(options),
    settings: { optimiser: sgd() },
    ...{ iterations: STEPS, batchSize: 20, stepsPerCall: 1, checkpointEvery: 1 },
    store: { ...memoryStore(), save: async (state) => void states.push(state) },
  })
  const { events } = await runToEnd(given)
  const losses = events.flatMap((event) => (event.type === 'progress' ? [event.losses] : []))
  return { stream, states, losses, model: given.model }
}

/** The mean cross-entropy with a softmax over some units, worked out apart. */
async function entropyOf(
  { model, stream }: Pick<Awaited<ReturnType<typeof run>>, 'model' | 'stream'>,
  state: RunState,
  { rows, units }: { rows: Dataset; units: readonly number[] },
): Promise<number> {
  const reader = openReader(engine, model, stream.outputs)
  const logits = toNumbers(await reader.logits(rows, withoutPrefix(state.tensors, 'parameter/')))
  await reader.dispose()
  const labels = toNumbers(rows.labels)
  const each = labels.map((label, row) => {
    const at = (unit: number) => itemAt(logits, row * stream.outputs + unit, 'logit')
    return Math.log(units.reduce((sum, unit) => sum + Math.exp(at(unit)), 0)) - at(label)
  })
  return each.reduce((sum, one) => sum + one, 0) / each.length
}

it.each([
  ['class', [2, 3], [0, 1, 2, 3]],
  ['task', [2, 3], [0, 1]],
  ['domain', [0, 1], [0, 1]],
] as const)(
  '%s: new rows go over their batch’s own classes, remembered ones over all seen',
  async (scenario, own, seen) => {
    // A memory of one row: every row that is replayed is that one.
    const found = await run(scenario, { capacity: 1, replayBatch: 3 })
    const end = itemAt(found.states, STEPS - 1, 'state')
    const memory = present(memoryOf(end.method, itemAt(found.stream.tasks, 0, 'task')), 'memory').dataset
    const losses = itemAt(found.losses, STEPS, 'loss of the second task’s first step')
    const { train } = itemAt(found.stream.tasks, 1, 'task')
    expect(losses.new).toBeCloseTo(await entropyOf(found, end, { rows: train, units: own }), 5)
    expect(losses.replay).toBeCloseTo(await entropyOf(found, end, { rows: memory, units: seen }), 5)
    expect(losses.task).toBe(0)
  },
)

it('moves no class that was not seen yet, and fills its memory to the capacity', async () => {
  const { states, model } = await run('class', { capacity: 7 })
  const end = itemAt(states, 2 * STEPS - 1, 'state')
  const rows = (name: string, tensors: RunState['tensors']) => toNumbers(required(tensors, name, 'parameter'))
  const after = rows('parameter/layers.2.weight', end.tensors)
  const before = toNumbers(required(model.parameters, 'layers.2.weight', 'parameter'))
  expect(after.slice(4 * 7)).toEqual(before.slice(4 * 7))
  expect(after.slice(0, 7)).not.toEqual(before.slice(0, 7))
  expect(required(end.method.tensors, 'memory/labels', 'memory').dims).toEqual([7])
})

it('replays nothing while nothing is remembered', async () => {
  const { losses } = await run('class', { capacity: 3 })
  expect(losses[0]?.replay).toBe(0)
  expect(losses[1]?.replay).toBeGreaterThan(0)
})

it('fills its memory from old rows where the old was learned elsewhere', async () => {
  const stream = toyStream('class')
  const context = endOfTask(stream, 0, { model: toyModel(stream), trace: undefined })
  const { tensors } = await rememberedBy(erAce({ capacity: 6 }), emptyState, context)
  expect(required(tensors, 'memory/labels', 'memory').dims).toEqual([6])
})
