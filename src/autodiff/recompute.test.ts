import { describe, expect, it } from 'vitest'
import { ortNode } from '../engine/ort-node.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { scalar, transpose, type Value } from '../ops/core/index.ts'
import { randomStream } from '../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { GraphBuilder } from './builder.ts'
import { dependents, gradients } from './gradients.ts'
import { graphCost } from './graph-cost.ts'
import { segmentsOf } from './recompute.ts'

const engine = ortNode({ threads: 1 })
const LAYERS = 6
const [rows, width, hidden] = [50, 4, 32]

function drawn(name: string, dims: readonly number[]): Tensor<'float32'> {
  const tensor = float32(dims)
  randomStream(5, name).fillUniform(tensor.data, -1, 1)
  return tensor
}

/** x + tanh(x A B) B^T, a few times: each layer leaves much more than its sum. */
function network(builder: GraphBuilder): {
  readonly loss: Value
  readonly weights: Value[]
  readonly feeds: Map<string, Tensor>
} {
  const feeds = new Map<string, Tensor>([['x', drawn('x', [rows, width])]])
  const input = (name: string, dims: readonly number[]): Value => {
    feeds.set(name, feeds.get(name) ?? drawn(name, dims))
    return builder.input(name, { type: 'float32', dims })
  }
  let x = input('x', [rows, width])
  // What no weight that trains is in passes by every border.
  const mask = builder.op('Sigmoid', [x])
  const weights: Value[] = []
  for (let layer = 0; layer < LAYERS; layer++) {
    const [a, b] = [input(`a${layer}`, [width, 8]), input(`b${layer}`, [8, hidden])]
    weights.push(a, b)
    const inner = builder.op('Tanh', [builder.op('MatMul', [builder.op('MatMul', [x, a]), b])])
    const back = builder.op('MatMul', [inner, transpose(builder, b, [1, 0])])
    const narrow = builder.op('MatMul', [back, transpose(builder, a, [1, 0])])
    x = builder.op('Add', [x, builder.op('Mul', [narrow, mask])])
  }
  const loss = builder.op('ReduceSum', [builder.op('Mul', [x, scalar(builder, 0.1, x)])], { keepdims: 0 })
  return { loss, weights, feeds }
}

async function found(recompute: boolean) {
  const builder = new GraphBuilder()
  const { loss, weights, feeds } = network(builder)
  gradients(builder, loss, weights, { recompute }).forEach((gradient, at) => {
    if (!gradient) throw new Error('no gradient')
    builder.output(gradient, `gradient/${at}`)
  })
  const graph = builder.finish('network')
  const executable = await engine.load(encodeGraph(graph))
  const outputs = await executable.run(feeds)
  await executable.dispose()
  return { cost: graphCost(graph), gradients: [...outputs.values()].map(toNumbers) }
}

describe('values that are computed again', () => {
  it('give the same gradients with less memory, for a forward pass more at most', async () => {
    const [plain, again] = [await found(false), await found(true)]
    expect(again.gradients).toEqual(plain.gradients)
    expect(again.cost.peakBytes).toBeLessThan(0.5 * plain.cost.peakBytes)
    expect(again.cost.nodes).toBeGreaterThan(plain.cost.nodes)
    expect(again.cost.flops).toBeLessThan(1.4 * plain.cost.flops)
  })

  it('follow one another, a layer each', () => {
    const builder = new GraphBuilder()
    const { weights } = network(builder)
    const found = segmentsOf(builder.steps, dependents(builder.steps, weights), weights)
    expect(found).toHaveLength(LAYERS)
    for (const { to } of found) expect(to.dims[0]).toBe(rows)
    const ends = found.map(({ to }) => to)
    expect(found.slice(1).map(({ from }) => from)).toEqual(ends.slice(0, -1))
  })

  it('never include what is one op by a closed form', () => {
    const builder = new GraphBuilder()
    const { weights } = network(builder)
    const [one, ...others] = builder.steps.filter(({ definition }) => definition.op === 'Tanh')
    if (!one) throw new Error('no step')
    const steps = builder.steps.map((step) =>
      step === one ? { ...step, definition: { ...step.definition, op: 'Closed' } } : step,
    )
    expect(segmentsOf(steps, dependents(steps, weights), weights)).toHaveLength(others.length)
  })
})
