import { expect, it } from 'vitest'
import {
  bitsOf,
  memoryStore,
  runToEnd,
  toyData,
  toyModel,
  toyOptions,
  toyStream,
} from '../../../test/toy-learning.ts'
import { compose } from '../../methods/compose.ts'
import { distil } from '../../methods/distil.ts'
import { joint } from '../../methods/joint.ts'
import { lwf } from '../../methods/lwf.ts'
import { none } from '../../methods/none.ts'
import { replay } from '../../methods/replay.ts'
import { si } from '../../methods/si.ts'
import type { Scenario } from '../../tasks/stream.ts'
import { learn } from './learn.ts'
import { pastContext, taskContext } from './task-context.ts'

const train = toyData({ seed: 5 })
const past = { units: [0, 1, 2, 3, 4, 5], train }

it.each<Scenario>(['class', 'task'])(
  'goes on from any checkpoint to the same bits, %s-incremental',
  async (scenario) => {
    const stream = toyStream(scenario)
    const method = compose(lwf(), replay({ perClass: 2 }), si({ strength: 0.1 }))
    const options = { stream, method, past, iterations: 6, checkpointEvery: 2, stepsPerCall: 2 }
    const whole = await runToEnd(toyOptions(options))
    for (const stop of [1, 4]) {
      const store = memoryStore()
      let progress = 0
      for await (const event of learn(toyOptions({ ...options, store }))) {
        if (event.type === 'progress' && ++progress === stop) break
      }
      const { result } = await runToEnd(toyOptions({ ...options, store }))
      expect(bitsOf(result.parameters) === bitsOf(whole.result.parameters)).toBe(true)
    }
  },
)

it('changes nothing of plain training, whose batches stay the same', async () => {
  const options = { stream: toyStream('class'), method: none(), iterations: 6 }
  const [plain, given] = [
    await runToEnd(toyOptions(options)),
    await runToEnd(toyOptions({ ...options, past })),
  ]
  expect(bitsOf(given.result.parameters) === bitsOf(plain.result.parameters)).toBe(true)
})

it('teaches by stored answers, too, but only units that the model knows', async () => {
  const stream = toyStream('class')
  const first = { ...stream, tasks: stream.tasks.slice(0, 1) }
  const run = async (units: readonly number[], method = distil()) =>
    bitsOf(
      (
        await runToEnd(
          toyOptions({ stream: first, model: toyModel(first), method, past: { units }, iterations: 6 }),
        )
      ).result.parameters,
    )
  const plain = await run([], none())
  expect((await run([])) === plain).toBe(true)
  expect((await run([2, 3])) === plain).toBe(false)
  expect((await run([2, 3])) === (await run([2, 3, 4, 5]))).toBe(false)
})

it('is task 0: rows of it come before those of the stream', async () => {
  const stream = toyStream('class')
  const task = taskContext(stream, 1, 8, past)
  expect(task).toMatchObject({ index: 2, given: true, units: [past.units, [0, 1], [2, 3], [4, 5]] })
  const { dataset, tasks } = task.seen()
  expect([...new Set(tasks)]).toEqual([0, 1, 2])
  expect(dataset.labels.data).toHaveLength(tasks.length)
  expect(new Set(taskContext(stream, 1, 8, { units: past.units }).seen().tasks)).toEqual(new Set([1, 2]))
  expect(pastContext(stream, 8, past)).toMatchObject({ index: 0, active: undefined, train })
  expect(pastContext(stream, 8, { units: [0, 1] })).toMatchObject({
    active: [0, 1],
    train: { labels: { dims: [0] } },
  })
  const options = { stream, method: joint(), iterations: 3 }
  const [without, withRows] = [
    await runToEnd(toyOptions(options)),
    await runToEnd(toyOptions({ ...options, past })),
  ]
  expect(bitsOf(withRows.result.parameters) === bitsOf(without.result.parameters)).toBe(false)
})
