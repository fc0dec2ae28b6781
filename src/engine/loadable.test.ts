import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../autodiff/builder.ts'
import { scan } from '../autodiff/scan.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { loadable } from './loadable.ts'
import { ortNode } from './ort-node.ts'

const engine = ortNode({ threads: 1 })

/** More than are compared by value. */
const dims = [16, 8]
const filled = (value: number): Tensor<'float32'> =>
  float32(
    dims,
    Float32Array.from({ length: 128 }, (_, at) => value + Math.sin(at)),
  )

/** x W, and rows of a table, in the body of a Scan; a kernel around it. */
function graphOf(weight: Tensor, table: Tensor) {
  const builder = new GraphBuilder()
  const rows = builder.input('rows', { type: 'float32', dims: [2, 1, 16] })
  const image = builder.input('image', { type: 'float32', dims: [1, 8, 1] })
  const kernel = builder.constant({ ...filled(3), dims: [16, 8, 1] })
  builder.output(builder.op('Conv', [image, kernel]), 'convolved')
  const { outputs } = scan(builder, [], [rows], (body, _state, [row]) => {
    if (!row) throw new Error('no row')
    const first = body.op('ArgMax', [row], { axis: 1, keepdims: 0 })
    const looked = body.op('Gather', [body.constant(table), first])
    const product = body.op('MatMul', [row, body.constant(weight)])
    return { state: [], outputs: [body.op('Add', [product, looked])] }
  })
  for (const value of outputs) builder.output(value, 'y')
  return builder.finish('small')
}

const feeds = new Map<string, Tensor>([
  [
    'rows',
    float32(
      [2, 1, 16],
      Float32Array.from({ length: 32 }, (_, at) => Math.cos(at)),
    ),
  ],
  ['image', float32([1, 8, 1], [1, 2, 3, 4, 5, 6, 7, 8])],
])

async function run(model: Parameters<typeof engine.load>[0]): Promise<number[]> {
  const executable = await engine.load(model)
  expect([...executable.inputs].sort()).toEqual(['image', 'rows'])
  const outputs = await executable.run(feeds)
  await executable.dispose()
  return toNumbers(outputs.get('y') ?? float32([0]))
}

/** Products of packed weights may differ in their last bits. */
const near = (found: readonly number[], expected: readonly number[]): void => {
  expect(found.length).toBe(expected.length)
  found.forEach((value, at) => {
    expect(value).toBeCloseTo(expected[at] ?? 0, 4)
  })
}

describe('a loadable graph', () => {
  const [weight, table] = [filled(1), filled(2)]
  const graph = graphOf(weight, table)
  const apart = loadable(graph, 1)

  it('leaves weights where they lie, and kernels in the model', () => {
    const held = [...apart.held.values()].map(({ data }) => data)
    expect(held.length).toBe(2)
    expect(held.includes(weight.data) && held.includes(table.data)).toBe(true)
    expect(apart.bytes.byteLength).toBeLessThan(encodeGraph(graph).byteLength - 1.8 * weight.data.byteLength)
  })

  it('answers as with its weights in it', async () => {
    near(await run(apart), await run(encodeGraph(graph)))
  })

  it('follows the weights that it was made with, also where the graph is one that is open already', async () => {
    const first = await engine.load(apart)
    const other = await run(loadable(graphOf(filled(5), table), 1))
    near(other, await run(encodeGraph(graphOf(filled(5), table))))
    expect(other).not.toEqual(await run(apart))
    await first.dispose()
  })

  it('holds a weight once that two bodies read', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [1, 16] })
    const [one, two] = [builder.body(), builder.body()]
    expect(one.constant(weight)).toBe(two.constant(weight))
    builder.output(builder.op('MatMul', [x, one.constant(weight)]), 'y')
    expect(builder.finish('one').initializers.size).toBe(1)
  })

  it('keeps few weights in the model: the runtime is faster for knowing them', () => {
    expect(loadable(graph).held.size).toBe(0)
  })
})
