import { describe, expect, it } from 'vitest'
import { stepContext } from '../../test/method-contexts.ts'
import { bitsOf, engine, runToEnd, toyOptions, toyStream } from '../../test/toy-learning.ts'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { mul, reduceSum, type Value } from '../ops/core/index.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { taskContext } from '../train/run/task-context.ts'
import { agem } from './a-gem.ts'
import { emptyState, type Method } from './method.ts'
import { none } from './none.ts'

/** What becomes of a gradient over the parameters a [2] and b [1], where the loss on each memory is linear in them. */
async function changed(
  gradient: readonly [number, number, number],
  ...memories: readonly (readonly [number, number, number])[]
): Promise<number[]> {
  const builder = new GraphBuilder()
  const parameters = new Map([
    ['a', builder.input('a', { type: 'float32', dims: [2] })],
    ['b', builder.input('b', { type: 'float32', dims: [1] })],
  ])
  const pair = ([x, y, z]: readonly [number, number, number]): [Tensor, Tensor] => [
    float32([2], [x, y]),
    float32([1], [z]),
  ]
  const terms = agem().terms?.(
    stepContext(builder, {
      parameters,
      sources: new Map(
        memories.map((_, at) => [
          `reference/${at}`,
          { from: at, size: 1, offset: 0, columns: new Map<string, Value>() },
        ]),
      ),
      loss: ({ from }) => {
        const [a, b] = pair(memories[from] ?? [0, 0, 0])
        const part = (name: string, factors: Tensor) =>
          reduceSum(builder, mul(builder, parameters.get(name) as Value, builder.constant(factors)), [0])
        return builder.op('Add', [part('a', a), part('b', b)])
      },
    }),
    emptyState,
    taskContext(toyStream('class'), 1, 8),
  )
  const [a, b] = pair(gradient).map((tensor) => builder.constant(tensor)) as [Value, Value]
  const given = new Map([
    ['a', a],
    ['b', b],
  ])
  const found = terms?.gradients?.(given) ?? given
  for (const [name, value] of found) builder.output(builder.op('Identity', [value]), `new/${name}`)
  const executable = await engine.load(encodeGraph(builder.finish('a-gem')))
  const feeds = new Map<string, Tensor>([
    ['a', float32([2], [5, 6])],
    ['b', float32([1], [7])],
  ])
  const outputs = await executable.run(
    new Map([...feeds].filter(([name]) => executable.inputs.includes(name))),
  )
  await executable.dispose()
  // -0 is as good as 0.
  return ['new/a', 'new/b'].flatMap((name) =>
    toNumbers(outputs.get(name) ?? float32([0])).map((value) => value + 0),
  )
}

describe('the gradient', () => {
  it('is projected where it points against the memory, all parameters as one vector', async () => {
    // g . r = 1 - 4 + 2 = -1, r . r = 1 + 4 + 1 = 6: g + r / 6.
    const found = await changed([1, -2, 2], [1, 2, 1])
    ;[1 + 1 / 6, -2 + 2 / 6, 2 + 1 / 6].forEach((value, at) => {
      expect(found[at]).toBeCloseTo(value, 6)
    })
    // and stands at a right angle to it.
    expect((found[0] ?? 0) + 2 * (found[1] ?? 0) + (found[2] ?? 0)).toBeCloseTo(0, 6)
  })

  it('stays where it does not, though one parameter alone would', async () => {
    // a alone: 1 - 4 < 0; with b: 1 - 4 + 4 = 1.
    expect(await changed([1, -2, 4], [1, 2, 1])).toEqual([1, -2, 4])
    expect(await changed([1, 0, 0], [0, 3, 0])).toEqual([1, 0, 0])
  })

  it('stays where the memory has none, and where there is no memory', async () => {
    expect(await changed([1, -2, 3], [0, 0, 0])).toEqual([1, -2, 3])
    expect(await changed([1, -2, 3])).toEqual([1, -2, 3])
  })

  it('is held against the mean over past heads', async () => {
    // r = ([2, 0, 0] + [0, 2, 0]) / 2 = [1, 1, 0]; g . r = -4, r . r = 2: g + 2 r.
    expect(await changed([-1, -3, 5], [2, 0, 0], [0, 2, 0])).toEqual([1, -1, 5])
  })
})

it('changes what is learned and keeps as much of the old, with no share of the loss for its memory', async () => {
  const stream = toyStream('task', { perClass: 40 })
  const run = (method: Method) => runToEnd(toyOptions({ stream, method, iterations: 100, stepsPerCall: 1 }))
  const [held, plain] = [await run(agem({ perClass: 10 })), await run(none())]
  const names = held.events.flatMap((event) => (event.type === 'progress' ? Object.keys(event.losses) : []))
  expect(new Set(names)).toEqual(new Set(['task']))
  expect(bitsOf(held.result.parameters)).not.toBe(bitsOf(plain.result.parameters))
  const old = ({ result }: typeof held) => result.record.matrix.at(-1)?.[0] ?? 0
  expect(old(held)).toBeGreaterThanOrEqual(old(plain))
})
