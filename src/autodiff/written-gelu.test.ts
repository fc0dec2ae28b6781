import { describe, expect, it } from 'vitest'
import { ortNode } from '../engine/ort-node.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { type Graph, type Node, plainNode } from '../onnx/graph.ts'
import { reduceSum, scale } from '../ops/core/emit.ts'
import { required } from '../required.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { GraphBuilder } from './builder.ts'
import { gradients } from './gradients.ts'
import { specialise } from './specialise.ts'

const engine = ortNode({ threads: 1 })
const x = float32([2, 6], [-6, -3, -1.5, -0.7, -0.2, 0, 0.1, 0.4, 1, 2, 3.5, 7])

const erf: readonly Node[] = [plainNode('Div', ['x', 'root'], 'u'), plainNode('Erf', ['u'], 'e')]
const term: readonly Node[] = [...erf, plainNode('Add', ['e', 'one'], 's')]
const usual: readonly Node[] = [
  ...term,
  plainNode('Mul', ['x', 's'], 't'),
  plainNode('Mul', ['t', 'half'], 'y'),
]
const forms: Readonly<Record<string, readonly Node[]>> = {
  'x s, then a half': usual,
  'half of x, then s': [...term, plainNode('Mul', ['half', 'x'], 't'), plainNode('Mul', ['t', 's'], 'y')],
  'half of s, then x': [...term, plainNode('Mul', ['s', 'half'], 't'), plainNode('Mul', ['x', 't'], 'y')],
  'a product under erf': [
    plainNode('Mul', ['x', 'inverse'], 'u'),
    plainNode('Erf', ['u'], 'e'),
    plainNode('Add', ['one', 'e'], 's'),
    plainNode('Mul', ['x', 'half'], 't'),
    plainNode('Mul', ['s', 't'], 'y'),
  ],
}

const constants = { half: 0.5, one: 1, root: Math.SQRT2, inverse: Math.SQRT1_2 }

const graphOf = (nodes: readonly Node[], given: Readonly<Record<string, Tensor>> = {}): Graph => ({
  name: 'written',
  inputs: [{ name: 'x', type: 'float32', dims: ['N', 6] }],
  outputs: [{ name: 'y', type: 'float32', dims: undefined }],
  initializers: new Map([
    ...Object.entries(constants).map(([name, value]) => [name, float32([], [value])] as const),
    ...Object.entries(given),
  ]),
  nodes,
})

/** y and the gradient of the sum of its squares, and the ops that stand for y alone. */
async function run(graph: Graph, factor = 1) {
  const builder = new GraphBuilder()
  const input = builder.input('x', x)
  const { outputs } = specialise(builder, graph, { '': 17 }, new Map([['x', input]]))
  const y = scale(builder, required(outputs, 'y', 'output'), factor)
  builder.output(y, 'out')
  const ops = builder.finish('forward').nodes.map(({ op }) => op)
  const loss = reduceSum(builder, builder.op('Mul', [y, y]), [0, 1])
  const [gradient] = gradients(builder, loss, [input])
  if (gradient) builder.output(gradient, 'gradient')
  const executable = await engine.load(encodeGraph(builder.finish('both')))
  const results = await executable.run(new Map([['x', x]]))
  await executable.dispose()
  const numbers = (name: string) => toNumbers(required(results, name, 'output'))
  return { ops, y: numbers('out'), gradient: numbers('gradient') }
}

describe('GELU written as several nodes', () => {
  for (const [name, nodes] of Object.entries(forms)) {
    it(`is one op, with the value and gradient of the nodes: ${name}`, async () => {
      // With a quarter for the half nothing is recognised, and twice that is the same function.
      const plain = await run(graphOf(nodes, { half: float32([], [0.25]) }), 2)
      const one = await run(graphOf(nodes))
      expect(plain.ops).toContain('Erf')
      expect(one.ops).toEqual(['Gelu'])
      one.y.forEach((value, at) => {
        expect(value).toBeCloseTo(plain.y[at] ?? Number.NaN, 6)
      })
      one.gradient.forEach((value, at) => {
        expect(value).toBeCloseTo(plain.gradient[at] ?? Number.NaN, 5)
      })
    })
  }

  const others: Readonly<Record<string, Graph>> = {
    'erf of something else': graphOf([
      plainNode('Sin', ['x'], 'z'),
      plainNode('Div', ['z', 'root'], 'u'),
      ...term.slice(1),
      plainNode('Mul', ['x', 's'], 't'),
      plainNode('Mul', ['t', 'half'], 'y'),
    ]),
    'another divisor': graphOf(usual, { root: float32([], [2]) }),
    'another term than 1': graphOf(usual, { one: float32([], [1.01]) }),
    'halves of another shape': graphOf(usual, {
      half: float32([6], [0.5, 0.5, 0.5, 0.5, 0.5, 0.25]),
    }),
    'no half': graphOf([...term, plainNode('Mul', ['x', 's'], 'y')]),
    'x twice': graphOf([
      ...term,
      plainNode('Mul', ['x', 'x'], 'xx'),
      plainNode('Mul', ['xx', 's'], 't'),
      plainNode('Mul', ['t', 'half'], 'y'),
    ]),
  }
  for (const [name, graph] of Object.entries(others)) {
    it(`is not seen in ${name}`, async () => {
      const { ops } = await run(graph)
      expect(ops).toContain('Erf')
      expect(ops).not.toContain('Gelu')
    })
  }
})
