import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { stepContext } from '../../test/method-contexts.ts'
import { engine, runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { GraphBuilder } from '../autodiff/builder.ts'
import type { Executable } from '../engine/engine.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { add, mul, reduceSum, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { taskContext } from '../train/run/task-context.ts'
import { memoryState, withRows } from './exemplars.ts'
import { gem } from './gem.ts'
import { emptyState, type Method } from './method.ts'

type Vector = readonly [number, number, number]

/** Parameters a [2] and b [1], and losses on memories that are linear in them: their gradients are fed. */
async function built(count: number, flat: boolean): Promise<Executable> {
  const builder = new GraphBuilder(undefined, { flat })
  const pair = (name: string) =>
    new Map([
      ['a', builder.input(`${name}/a`, { type: 'float32', dims: [2] })],
      ['b', builder.input(`${name}/b`, { type: 'float32', dims: [1] })],
    ])
  const parameters = pair('parameter')
  const [gradient, ...memories] = [
    pair('gradient'),
    ...Array.from({ length: count }, (_, at) => pair(`memory-${at}`)),
  ]
  const terms = gem().terms?.(
    stepContext(builder, {
      parameters,
      sources: new Map(
        memories.map((_, at) => [
          `past/${at}`,
          { from: at, size: 1, offset: 0, columns: new Map<string, Value>() },
        ]),
      ),
      loss: ({ from }) => {
        const part = (name: string) =>
          reduceSum(
            builder,
            mul(
              builder,
              required(parameters, name, 'parameter'),
              required(itemAt(memories, from, 'memory'), name, 'factor'),
            ),
            [0],
          )
        return add(builder, part('a'), part('b'))
      },
    }),
    emptyState,
    taskContext(toyStream('class'), 1, 8),
  )
  for (const [name, value] of terms?.gradients?.(gradient) ?? []) {
    builder.output(builder.op('Identity', [value]), `new/${name}`)
  }
  return engine.load(encodeGraph(builder.finish('gem')))
}

const graphs = new Map<string, Promise<Executable>>()
afterAll(async () => {
  for (const graph of graphs.values()) await (await graph).dispose()
})

async function changedOn(flat: boolean, gradient: Vector, memories: readonly Vector[]): Promise<number[]> {
  const key = `${memories.length} ${flat}`
  const graph = graphs.get(key) ?? built(memories.length, flat)
  graphs.set(key, graph)
  const executable = await graph
  const named = (name: string, [x, y, z]: Vector): [string, Tensor][] => [
    [`${name}/a`, float32([2], [x, y])],
    [`${name}/b`, float32([1], [z])],
  ]
  const feeds = [
    ...named('parameter', [5, 6, 7]),
    ...named('gradient', gradient),
    ...memories.flatMap((memory, at) => named(`memory-${at}`, memory)),
  ]
  const outputs = await executable.run(new Map(feeds.filter(([name]) => executable.inputs.includes(name))))
  return ['new/a', 'new/b'].flatMap((name) =>
    toNumbers(required(outputs, name, 'output')).map((value) => value + 0),
  )
}

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)

/** The same by Hildreth's method: one constraint after another, many times. */
function nearest(gradient: Vector, memories: readonly Vector[]): number[] {
  const weights = memories.map(() => 0)
  let z = [...gradient]
  for (let round = 0, moved = true; moved && round < 20_000; round++) {
    moved = false
    memories.forEach((memory, at) => {
      const size = dot(memory, memory)
      if (size === 0) return
      const step = Math.max(-(weights[at] ?? 0), -dot(z, memory) / size)
      moved ||= Math.abs(step) > 1e-9
      weights[at] = (weights[at] ?? 0) + step
      z = z.map((value, place) => value + step * (memory[place] ?? 0))
    })
  }
  return z
}

describe.each([
  ['in float64', false],
  ['in float32, for a device', true],
] as const)('the gradient, solved for %s', (_, flat) => {
  const changed = (gradient: Vector, ...memories: readonly Vector[]) => changedOn(flat, gradient, memories)

  it('is that of A-GEM behind one task, by hand', async () => {
    // g . r = -1, r . r = 6: g + r / 6.
    const found = await changed([1, -2, 2], [1, 2, 1])
    ;[1 + 1 / 6, -2 + 2 / 6, 2 + 1 / 6].forEach((value, at) => {
      expect(found[at]).toBeCloseTo(value, 5)
    })
    expect(await changed([1, 0, 0], [1, 2, 1])).toEqual([1, 0, 0])
  })

  it('keeps to all constraints at once, where one after the other would not', async () => {
    // z . (1, 0, 0) >= 0 and z . (-1, 1, 0) >= 0: from (-1, -2, 3) the nearest is (0, 0, 3).
    const found = await changed([-1, -2, 3], [1, 0, 0], [-1, 1, 0])
    ;[0, 0, 3].forEach((value, at) => {
      expect(found[at]).toBeCloseTo(value, 5)
    })
    // Only the second is met by (2, -1, 0): its edge is nearest, (0.5, 0.5, 0).
    const edge = await changed([2, -1, 0], [1, 0, 0], [-1, 1, 0])
    ;[0.5, 0.5, 0].forEach((value, at) => {
      expect(edge[at]).toBeCloseTo(value, 5)
    })
  })

  it('keeps to a short one as to a long one', async () => {
    const found = await changed([-1, -2, 3], [1e-6, 0, 0], [-1e4, 1e4, 0])
    ;[0, 0, 3].forEach((value, at) => {
      expect(found[at]).toBeCloseTo(value, 4)
    })
  })

  it('holds for equal memories, for one without a gradient, and for none that has one', async () => {
    const twice = await changed([-1, 2, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0])
    ;[0, 2, 0].forEach((value, at) => {
      expect(twice[at]).toBeCloseTo(value, 5)
    })
    expect(await changed([-1, 2, 3], [0, 0, 0], [0, 0, 0])).toEqual([-1, 2, 3])
  })

  it('is the nearest that keeps to all, as another way of solving has it', async () => {
    const whole = fc.integer({ min: -5, max: 5 })
    const vector = fc.tuple(whole, whole, whole)
    await fc.assert(
      fc.asyncProperty(
        vector,
        fc.array(vector, { minLength: 4, maxLength: 4 }),
        async (gradient, memories) => {
          const found = await changed(gradient, ...memories)
          const wanted = nearest(gradient, memories)
          found.forEach((value, at) => {
            expect(value).toBeCloseTo(itemAt(wanted, at, 'number'), 3)
          })
        },
      ),
      { numRuns: 40 },
    )
  })
})

it('has a part of the batch for each past task, and refuses more than it can solve for', () => {
  const stream = toyStream('class')
  const { train } = itemAt(stream.tasks, 0, 'task')
  const memory = (tasks: number) =>
    Array.from({ length: tasks }, (_, task) => task).reduce(
      (state, task) => withRows(state, train, Int32Array.of(task, task + 1), task),
      undefined as ReturnType<typeof withRows> | undefined,
    )
  const sourcesAt = (tasks: number) =>
    gem({ replayBatch: 3 }).sources?.(
      [],
      memoryState(memory(tasks) ?? { dataset: train, tasks: new Int32Array() }),
      taskContext(stream, 1, 8),
    )
  expect(sourcesAt(2)?.map(({ name, size, weight }) => ({ name, size, weight }))).toEqual([
    { name: 'past/0', size: 2, weight: 0 },
    { name: 'past/1', size: 2, weight: 0 },
  ])
  expect(() => sourcesAt(11)).toThrow(expect.objectContaining({ code: 'gem-tasks' }))
})

it('changes what is learned, with no share of the loss for its memory', async () => {
  const stream = toyStream('task')
  const run = (method: Method) => runToEnd(toyOptions({ stream, method, iterations: 10, stepsPerCall: 1 }))
  const { events } = await run(gem({ perClass: 5 }))
  const names = events.flatMap((event) => (event.type === 'progress' ? Object.keys(event.losses) : []))
  expect(new Set(names)).toEqual(new Set(['task']))
})
