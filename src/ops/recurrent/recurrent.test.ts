import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { backward, gradients } from '../../autodiff/gradients.ts'
import { specialise } from '../../autodiff/specialise.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { type Attributes, float, type Graph, strings } from '../../onnx/graph.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import type { Value } from '../core/define.ts'
import { reduceSum, square, sub, transpose } from '../core/emit.ts'
import { scan } from '../core/scan.ts'
import { emittedOps } from '../vocabulary.ts'

const [STEPS, BATCH, INPUTS, HIDDEN] = [4, 3, 2, 5]
const gates = { LSTM: 4, GRU: 3, RNN: 1 } as const
type Op = keyof typeof gates
const ops = Object.keys(gates) as Op[]

const random = randomStream(1, 'recurrent')
const drawn = (...dims: number[]): Tensor => {
  const tensor = float32(dims)
  for (let at = 0; at < tensor.data.length; at++) tensor.data[at] = 2 * random.uniform() - 1
  return tensor
}

const tensorsOf = (op: Op) => ({
  x: drawn(STEPS, BATCH, INPUTS),
  w: drawn(1, gates[op] * HIDDEN, INPUTS),
  r: drawn(1, gates[op] * HIDDEN, HIDDEN),
})

async function run(builder: GraphBuilder, outputs: readonly Value[], feeds: Map<string, Tensor>) {
  const names = outputs.map((value, index) => builder.output(value, `out${index}`).name)
  const executable = await ortNode({ threads: 1 }).load(encodeGraph(builder.finish('test')))
  const results = await executable.run(feeds)
  await executable.dispose()
  return names.map((name) => toNumbers(results.get(name) ?? float32([0])))
}

describe.each(ops)('%s', (op) => {
  it('says by name which activation has no gradient, and only when one has to pass', () => {
    const { x, w, r } = tensorsOf(op)
    const builder = new GraphBuilder()
    const weight = builder.parameter('w', w)
    const attributes = { activations: strings(['Softplus', 'Tanh', 'Tanh'].slice(0, op === 'LSTM' ? 3 : 2)) }
    const inputs = [builder.input('x', x), weight, builder.parameter('r', r)]
    const [y] = builder.add({ op, inputs, count: 1, attributes, name: 'body' })
    if (!y) throw new Error('no output')
    expect(() => backward(builder, [{ of: y, gradient: y }], [weight])).toThrow(
      new RegExp(`${op} "body".*Softplus`),
    )
  })

  it('refuses a gradient through clip', () => {
    const { x, w, r } = tensorsOf(op)
    const builder = new GraphBuilder()
    const weight = builder.parameter('w', w)
    const inputs = [builder.input('x', x), weight, builder.parameter('r', r)]
    const y = builder.op(op, inputs, { clip: float(3) })
    expect(() => backward(builder, [{ of: y, gradient: y }], [weight])).toThrow(/clip=3/)
  })

  it.each([14, 22])(
    'reads layout=1 of opset %i as the same with batch and steps exchanged',
    async (opset) => {
      const { x, w, r } = tensorsOf(op)
      const builder = new GraphBuilder()
      const given = builder.input('x', x)
      const [wide, recurrent] = [builder.parameter('w', w), builder.parameter('r', r)]
      const plain = builder.ops(op, [given, wide, recurrent], 2, { hidden_size: HIDDEN })
      const attributes: Attributes = { hidden_size: HIDDEN, layout: 1 }
      const graph: Graph = {
        name: 'layout',
        inputs: [],
        outputs: ['y', 'last'].map((name) => ({ name, type: 'float32', dims: undefined })),
        initializers: new Map(),
        nodes: [{ op, domain: '', name: '', inputs: ['x', 'w', 'r'], outputs: ['y', 'last'], attributes }],
      }
      const bindings = new Map([
        ['x', transpose(builder, given, [1, 0, 2])],
        ['w', wide],
        ['r', recurrent],
      ])
      const { outputs } = specialise(builder, graph, { '': opset }, bindings)
      const [y, last] = [outputs.get('y'), outputs.get('last')]
      if (!y || !last) throw new Error('no output')
      expect(y.dims).toEqual([BATCH, STEPS, 1, HIDDEN])
      expect(last.dims).toEqual([BATCH, 1, HIDDEN])
      const back = [transpose(builder, y, [1, 2, 0, 3]), transpose(builder, last, [1, 0, 2])]
      const results = await run(builder, [...plain, ...back], new Map([['x', x]]))
      expect(results[2]).toEqual(results[0])
      expect(results[3]).toEqual(results[1])
    },
  )

  it('trains inside the body of a Scan, where its own loop is a Scan in a Scan', async () => {
    const tensors = tensorsOf(op)
    const losses = async (rounds: number) => {
      const builder = new GraphBuilder()
      const x = builder.input('x', tensors.x)
      const parameters = [builder.parameter('w', tensors.w), builder.parameter('r', tensors.r)]
      const turns = builder.constant(float32([rounds]))
      const { outputs } = scan(builder, parameters, [turns], (body, [w, r]) => {
        if (!w || !r) throw new Error('no state')
        const y = body.op(op, [x, w, r], { hidden_size: HIDDEN })
        const loss = reduceSum(body, square(body, y), [0, 1, 2, 3])
        const steps = gradients(body, loss, [w, r]).map((gradient) => {
          if (!gradient) throw new Error('no gradient')
          return body.op('Mul', [gradient, body.constant(float32([], [0.01]))])
        })
        const state = [w, r].map((value, at) => sub(body, value, steps[at] ?? value))
        return { state, outputs: [loss] }
      })
      const [found] = await run(builder, outputs, new Map([['x', tensors.x]]))
      return found ?? []
    }
    const found = await losses(20)
    expect(found).toHaveLength(20)
    found.slice(1).forEach((loss, at) => {
      expect(loss).toBeLessThan(found[at] ?? 0)
    })
  })

  it('emits only ops of the vocabulary inside its loops', () => {
    const { x, w, r } = tensorsOf(op)
    const builder = new GraphBuilder()
    const wanted = [builder.input('x', x), builder.parameter('w', w), builder.parameter('r', r)]
    const y = builder.op(op, wanted, { hidden_size: HIDDEN })
    for (const value of backward(builder, [{ of: y, gradient: y }], wanted)) {
      if (value) builder.output(value, 'gradient')
    }
    const { nodes } = builder.finish('vocabulary')
    const loops = nodes.flatMap(({ attributes: { body } }) =>
      typeof body === 'object' && 'kind' in body && body.kind === 'graph' ? [body.value] : [],
    )
    expect(loops.length).toBe(op === 'LSTM' ? 2 : 1)
    for (const loop of loops) for (const node of loop.nodes) expect(emittedOps).toContain(node.op)
  })
})
