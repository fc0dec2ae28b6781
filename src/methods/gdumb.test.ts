import { expect, it } from 'vitest'
import { endOfTask, rememberedBy } from '../../test/method-contexts.ts'
import { bitsOf, memoryStore, runToEnd, toyModel, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { itemAt, required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { randomStream } from '../tensor/random.ts'
import { toNumbers } from '../tensor/tensor.ts'
import type { RunState } from '../train/run/checkpoint.ts'
import { taskContext } from '../train/run/task-context.ts'
import { sgd } from '../train/step/optimisers.ts'
import { compose } from './compose.ts'
import { ewc } from './ewc.ts'
import { gdumb } from './gdumb.ts'
import { emptyState } from './method.ts'

const stream = toyStream('class')
const STEPS = 6

async function run(capacity: number) {
  const states: RunState[] = []
  const options = toyOptions({
    stream,
    method: gdumb({ capacity }),
    settings: { optimiser: sgd() },
    ...{ iterations: STEPS, stepsPerCall: 1, checkpointEvery: 1 },
    store: { ...memoryStore(), save: async (state) => void states.push(state) },
  })
  return { ...(await runToEnd(options)), states, model: options.model }
}

it('keeps as many of each class as there is room for', async () => {
  const { states } = await run(12)
  const labels = [1, 2, 3].map((tasks) => {
    const { method } = itemAt(states, tasks * STEPS - 1, 'state')
    return toNumbers(required(method.tensors, 'memory/labels', 'memory'))
  })
  const sizes = labels.map((some) => [...new Set(some)].map((one) => some.filter((it) => it === one).length))
  expect(sizes).toEqual([
    [6, 6],
    [3, 3, 3, 3],
    [2, 2, 2, 2, 2, 2],
  ])
})

it('draws from the memory as the task’s end will have it, and from nothing else', async () => {
  const [source] = gdumb({ capacity: 4 }).sources?.(
    [{ name: 'new', dataset: itemAt(stream.tasks, 0, 'task').train, tasks: 0, size: 8, weight: 1 }],
    emptyState,
    taskContext(stream, 0, 8),
  ) ?? [undefined]
  const sampler = source?.sampler?.({
    random: (name) => randomStream(5, name),
    pool: {} as never,
    ...{ offset: 100, newOffset: 100, saved: undefined },
  })
  const { chosen } = (sampler?.state() ?? { chosen: [] }) as { chosen: number[] }
  expect(chosen).toHaveLength(4)
  expect(new Set(sampler?.next(9, new Int32Array()).rows)).toEqual(new Set(chosen.map((row) => row + 100)))
})

it('begins each task from scratch, and is read with what it trained', async () => {
  const { states, model, result } = await run(12)
  const start = bitsOf(model.parameters)
  for (const tasks of [1, 2, 3]) {
    const { tensors, method } = itemAt(states, tasks * STEPS - 1, 'state')
    expect(bitsOf(withoutPrefix(tensors, 'parameter/'))).toBe(start)
    const trained = withoutPrefix(method.tensors, 'trained/')
    expect(bitsOf(trained)).not.toBe(start)
    if (tasks === 3) expect(bitsOf(result.model.parameters)).toBe(bitsOf(trained))
  }
})

it('remembers rows of what was learned elsewhere, and leaves that model as it is', async () => {
  const context = endOfTask(stream, 0, { model: toyModel(stream), trace: undefined })
  const state = await rememberedBy(gdumb({ capacity: 6 }), emptyState, context)
  expect(required(state.tensors, 'memory/labels', 'memory').dims).toEqual([6])
  expect([...state.tensors.keys()].some((key) => key.startsWith('trained/'))).toBe(false)
})

it('stands alone', () => {
  expect(() => compose(ewc(), gdumb())).toThrow(
    expect.objectContaining({ code: 'compose-refused', message: expect.stringContaining('from scratch') }),
  )
})
