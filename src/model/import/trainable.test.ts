import { describe, expect, it } from 'vitest'
import type { Graph, Node } from '../../onnx/graph.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { importedGraph } from './imported-graph.ts'
import { sortInitializers } from './trainable.ts'

const node = (op: string, inputs: readonly string[], output: string, attributes = {}): Node => ({
  op,
  domain: '',
  name: '',
  inputs,
  outputs: [output],
  attributes,
})
const w = float32([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])

function sorted(nodes: readonly Node[], initializers: Readonly<Record<string, Tensor>>) {
  const graph: Graph = {
    name: 'g',
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 3] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['N', 3] }],
    initializers: new Map(Object.entries(initializers)),
    nodes,
  }
  const imported = importedGraph(graph)
  const { parameters, constants } = sortInitializers(imported, new Set(imported.initializers.keys()))
  return { parameters: [...parameters.keys()].sort(), constants: [...constants.keys()].sort() }
}

describe('what trains', () => {
  it('leaves out what normalises the input before any weight', () => {
    const nodes = [
      node('Sub', ['x', 'mean'], 'a'),
      node('Div', ['a', 'std'], 'b'),
      node('Transpose', ['b'], 'c'),
      node('MatMul', ['c', 'w'], 'd'),
      node('Mul', ['d', 'scale'], 'y'),
    ]
    const mean = float32([3], [0.4, 0.5, 0.6])
    expect(sorted(nodes, { w, mean, std: mean, scale: mean })).toEqual({
      parameters: ['scale', 'w'],
      constants: ['mean', 'std'],
    })
  })

  it('includes weights with NaN among them, so that they are found out', () => {
    const broken = float32([3, 3], [1, 2, Number.NaN, 4, 5, 6, 7, 8, 9])
    expect(sorted([node('MatMul', ['x', 'w'], 'y')], { w: broken }).parameters).toEqual(['w'])
  })

  it.each([
    ['int8', Int8Array.of(-3, 4, 5), Int8Array.of(1)],
    ['uint8', Uint8Array.of(120, 4, 255), Uint8Array.of(128)],
  ] as const)('includes %s behind DequantizeLinear, but neither scale nor zero point', (type, data, zero) => {
    const nodes = [
      node('DequantizeLinear', ['q', 's', 'z'], 'scale'),
      node('MatMul', ['x', 'w'], 'a'),
      node('Mul', ['a', 'scale'], 'y'),
    ]
    const q = { type, dims: [3], data } as Tensor
    const z = { type, dims: [], data: zero } as Tensor
    expect(sorted(nodes, { w, q, z, s: float32([], [0.1]) })).toEqual({
      parameters: ['scale', 'w'],
      constants: ['q', 's', 'z'],
    })
  })
})
