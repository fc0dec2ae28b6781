import { describe, expect, it } from 'vitest'
import { ortNode } from '../engine/ort-node.ts'
import { encodeGraph } from '../onnx/encode.ts'
import type { Value } from '../ops/core/define.ts'
import { ints } from '../ops/core/emit.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { GraphBuilder } from './builder.ts'
import { backward, gradients } from './gradients.ts'
import { scan, scanSum } from './scan.ts'

const engine = ortNode({ threads: 1 })

async function run(
  builder: GraphBuilder,
  outputs: Record<string, Value>,
  feeds: Record<string, Tensor> = {},
) {
  for (const [name, value] of Object.entries(outputs)) builder.output(value, name)
  const executable = await engine.load(encodeGraph(builder.finish('test')))
  const results = await executable.run(
    new Map(Object.entries(feeds).filter(([name]) => executable.inputs.includes(name))),
  )
  await executable.dispose()
  return Object.fromEntries([...results].map(([name, tensor]) => [name, toNumbers(tensor)]))
}

const vector = { type: 'float32', dims: [3] } as const

describe('gradients', () => {
  it('add up over several uses of a value', async () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', vector)
    // d/dx sum(x * x + x) = 2 x + 1
    const loss = builder.op('ReduceSum', [builder.op('Add', [builder.op('Mul', [x, x]), x])], { keepdims: 0 })
    const [dx] = gradients(builder, loss, [x])
    if (!dx) throw new Error('no gradient')
    expect(await run(builder, { dx }, { x: float32([3], [1, -2, 0.5]) })).toEqual({ dx: [3, -3, 2] })
  })

  it('of what the loss does not depend on are undefined', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', vector)
    const y = builder.input('y', vector)
    const loss = builder.op('ReduceSum', [builder.op('Exp', [x])], { keepdims: 0 })
    expect(gradients(builder, loss, [y])).toEqual([undefined])
  })

  it('are of a single number only', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', vector)
    expect(() => gradients(builder, x, [x])).toThrow(expect.objectContaining({ code: 'loss-not-scalar' }))
  })

  it('do not pass an op without a rule in silence', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', vector)
    const request = { op: 'Hardmax', inputs: [x], count: 1, attributes: { axis: 0 }, name: 'pick' }
    const [largest] = builder.add(request)
    if (!largest) throw new Error('no value')
    const loss = builder.op('ReduceSum', [largest], { keepdims: 0 })
    expect(() => gradients(builder, loss, [x])).toThrow(
      expect.objectContaining({ code: 'not-differentiable', message: expect.stringContaining('pick') }),
    )
  })

  describe('of slices side by side', () => {
    const cut = (builder: GraphBuilder, x: Value, start: number, end: number) =>
      builder.op('Slice', [x, ints(builder, [start]), ints(builder, [end]), ints(builder, [0])])
    const total = (builder: GraphBuilder, values: readonly Value[]) =>
      builder.op('ReduceSum', [builder.op('Concat', values, { axis: 0 })], { keepdims: 0 })
    const feeds = { x: float32([3], [1, 2, 3]) }

    it('are put together without padding, also where one is not used or the whole is used too', async () => {
      const builder = new GraphBuilder()
      const x = builder.input('x', vector)
      const [a, b] = [cut(builder, x, 2, 3), cut(builder, x, 0, 1)]
      cut(builder, x, 1, 2)
      const loss = total(builder, [builder.op('Mul', [a, a]), builder.op('Exp', [b]), x])
      const [dx] = gradients(builder, loss, [x])
      if (!dx) throw new Error('no gradient')
      expect(builder.steps.map(({ definition }) => definition.op)).not.toContain('Pad')
      const found = await run(builder, { dx }, feeds)
      expect(found.dx?.[0]).toBeCloseTo(Math.E + 1, 5)
      expect(found.dx?.slice(1)).toEqual([1, 7])
    })

    it('add up where they overlap or leave something out', async () => {
      const builder = new GraphBuilder()
      const x = builder.input('x', vector)
      const pieces = [cut(builder, x, 0, 2), cut(builder, x, 1, 3), cut(builder, x, 0, 1)]
      const [dx] = gradients(builder, total(builder, pieces), [x])
      if (!dx) throw new Error('no gradient')
      expect(await run(builder, { dx }, feeds)).toEqual({ dx: [2, 2, 1] })
    })
  })

  it('reach parameters through nodes that a body shares with the graph around it', async () => {
    const builder = new GraphBuilder()
    const w = builder.input('w', vector)
    const xs = builder.input('xs', { type: 'float32', dims: [2, 3] })
    const outside = builder.op('Exp', [w])
    const result = scan(builder, [], [xs], (body, _state, [x]) => {
      if (!x) return { state: [], outputs: [] }
      const shared = body.op('Exp', [w])
      expect(shared).toBe(outside)
      const loss = body.op('ReduceSum', [body.op('Mul', [shared, x])], { keepdims: 0 })
      const [dw] = gradients(body, loss, [w])
      return { state: [], outputs: dw ? [dw] : [] }
    })
    const [dw] = result.outputs
    if (!dw) throw new Error('no gradient reached w')
    const found = await run(builder, { dw }, { w: float32([3]), xs: float32([2, 3], [1, 2, 3, 4, 5, 6]) })
    // d/dw sum(exp(w) x) = exp(w) x, and w is 0.
    expect(found.dw).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('start from given gradients, once for each of several sets', async () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', vector)
    const y = builder.op('Mul', [x, x])
    const seed = (values: number[]) => builder.constant(float32([3], values))
    const [one] = backward(builder, [{ of: y, gradient: seed([1, 0, 0]) }], [x])
    const [two] = backward(builder, [{ of: y, gradient: seed([0, 1, 2]) }], [x])
    if (!one || !two) throw new Error('no gradient')
    const found = await run(builder, { one, two }, { x: float32([3], [1, 2, 3]) })
    expect(found).toEqual({ one: [2, 0, 0], two: [0, 4, 12] })
  })
})

describe('scan', () => {
  it('carries state and stacks outputs', async () => {
    const builder = new GraphBuilder()
    const xs = builder.input('xs', { type: 'float32', dims: [4] })
    const zero = builder.input('zero', { type: 'float32', dims: [] })
    const { state, outputs } = scan(builder, [zero], [xs], (body, [sum], [x]) => {
      if (!sum || !x) throw new Error('no value')
      const next = body.op('Add', [sum, x])
      return { state: [next], outputs: [next] }
    })
    const [sum] = state
    const [partial] = outputs
    if (!sum || !partial) throw new Error('no result')
    expect(partial.dims).toEqual([4])
    expect(
      await run(builder, { sum, partial }, { zero: float32([], [10]), xs: float32([4], [1, 2, 3, 4]) }),
    ).toEqual({
      sum: [20],
      partial: [11, 13, 16, 20],
    })
  })

  it('sums what its body gives', async () => {
    const builder = new GraphBuilder()
    const xs = builder.input('xs', { type: 'float32', dims: [3, 2] })
    const scaleBy = builder.input('factor', { type: 'float32', dims: [] })
    const [plain, scaled] = scanSum(builder, [xs], (body, [x]) =>
      x ? [x, body.op('Mul', [x, scaleBy])] : [],
    )
    if (!plain || !scaled) throw new Error('no sums')
    const feeds = { xs: float32([3, 2], [1, 2, 3, 4, 5, 6]), factor: float32([], [10]) }
    expect(await run(builder, { plain, scaled }, feeds)).toEqual({ plain: [9, 12], scaled: [90, 120] })
  })
})

describe('the builder', () => {
  it('shares equal nodes and small equal constants, but tells 0 from -0', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', vector)
    expect(builder.op('Exp', [x])).toBe(builder.op('Exp', [x]))
    expect(builder.constant(float32([], [0]))).toBe(builder.constant(float32([], [0])))
    expect(builder.constant(float32([], [0]))).not.toBe(builder.constant(float32([], [-0])))
    expect(builder.constant(float32([1], [0]))).not.toBe(builder.constant(float32([], [0])))
  })

  it('leaves out nodes and inputs that no output needs', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', vector)
    const y = builder.input('y', vector)
    builder.op('Exp', [y])
    builder.output(builder.op('Neg', [x]), 'z')
    const graph = builder.finish('small')
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x'])
    expect(graph.nodes.map(({ op, outputs }) => [op, ...outputs])).toEqual([['Neg', 'z']])
  })

  it('refuses an op that is not in the table', () => {
    expect(() => new GraphBuilder().op('Conjure', [])).toThrow(
      expect.objectContaining({ code: 'unknown-op' }),
    )
  })
})
