import { expect, it } from 'vitest'
import { bitsOf, engine, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { openReader } from '../evaluate/reader.ts'
import { itemAt, required } from '../required.ts'
import { float32, toNumbers } from '../tensor/tensor.ts'
import { adam } from '../train/step/optimisers.ts'
import { compose } from './compose.ts'
import { ewc } from './ewc.ts'
import { createMethod } from './registry.ts'
import { replay } from './replay.ts'
import { sam } from './sam.ts'
import { taskLora } from './task-lora.ts'

const stream = toyStream('task', { perClass: 40 })
const model = toyModel(stream)
const RANK = 2
const method = taskLora({ adapterRank: RANK })
const options = { stream, model, method, iterations: 60, settings: { optimiser: adam() }, learningRate: 0.02 }

it('forgets nothing, with momentum too, and learns each task', async () => {
  const { result } = await runToEnd(toyOptions(options))
  const { matrix } = result.record
  for (const [task, learned] of matrix.entries()) {
    for (const later of matrix.slice(task)) expect(later[task]).toBe(learned[task])
    expect(learned[task]).toBeGreaterThan(0.8)
  }
})

it('leaves the weights of the first task to the last bit, and answers by W + 2 B A', async () => {
  const first = { ...stream, tasks: stream.tasks.slice(0, 1) }
  const once = await runToEnd(toyOptions({ ...options, stream: first }))
  const { result } = await runToEnd(toyOptions(options))
  const own = ['layers.0.weight', 'layers.0.bias']
  const kept = (of: typeof result) =>
    bitsOf(new Map(own.map((name) => [name, required(of.parameters, name, 'parameter')])))
  expect(kept(result)).toBe(kept(once.result))
  const name = 'layers.0.weight'
  const part = (half: string) =>
    toNumbers(required(result.model.parameters, `${name}/task-2_${half}`, 'update'))
  const [a, b] = [part('A'), part('B')]
  expect(b.some((value) => value !== 0)).toBe(true)
  const sum = toNumbers(required(result.parameters, name, 'parameter')).map((value, at) => {
    const [out, into] = [Math.floor(at / 5), at % 5]
    return (
      value +
      2 *
        Array.from({ length: RANK }, (_, r) => (b[out * RANK + r] ?? 0) * (a[r * 5 + into] ?? 0)).reduce(
          (all, one) => all + one,
          0,
        )
    )
  })
  const merged = {
    ...model,
    parameters: new Map(
      [...model.parameters].map(([key, tensor]) => [key, result.parameters.get(key) ?? tensor]),
    ),
  }
  const plain = { ...merged, parameters: new Map([...merged.parameters, [name, float32([7, 5], sum)]]) }
  const rows = itemAt(stream.tasks, 2, 'task').test
  const answers = await Promise.all(
    [result.model, plain].map(async (read) => {
      const reader = openReader(engine, read, stream.outputs)
      const logits = toNumbers(await reader.logits(rows))
      await reader.dispose()
      return logits
    }),
  )
  for (const [at, value] of (answers[0] ?? []).entries())
    expect(value).toBeCloseTo(answers[1]?.[at] ?? Number.NaN, 4)
})

it('refuses scenarios in which the task is not told, and what could only hold what never moves', async () => {
  for (const scenario of ['class', 'domain'] as const) {
    const run = runToEnd(toyOptions({ stream: toyStream(scenario), method: createMethod('task-lora') }))
    await expect(run).rejects.toThrow(/task-lora answers each task by a model of its own/)
  }
  expect(() => compose(taskLora(), ewc())).toThrow(/ewc to hold/)
  expect(() => compose(taskLora(), replay())).toThrow(/replay to hold/)
  expect(compose(taskLora(), sam()).name).toBe('task-lora+sam')
})
