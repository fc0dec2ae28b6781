import { expect, it } from 'vitest'
import { float32 } from '../tensor/tensor.ts'
import { insertNodes } from './edit-nodes.ts'
import { encodeGraph } from './encode.ts'
import { graphFromModel } from './from-proto.ts'
import type { Graph, Node } from './graph.ts'
import { decodeModel } from './read.ts'

const node = (op: string, inputs: readonly string[], output: string): Node => ({
  ...{ op, domain: '', name: '', inputs, attributes: {} },
  outputs: [output],
})
const graph: Graph = {
  name: 'g',
  inputs: [{ name: 'x', type: 'float32', dims: ['N'] }],
  outputs: [{ name: 'y', type: 'float32', dims: ['N'] }],
  initializers: new Map([['a', float32([1], [2])]]),
  nodes: [node('Mul', ['x', 'a'], 'h'), node('Add', ['h', 'h'], 'y')],
}

it('puts nodes before one, which then reads theirs first, and leaves the rest', () => {
  const bytes = encodeGraph(graph)
  const edited = insertNodes(bytes, {
    output: 'y',
    nodes: (input) => [node('Sub', [input, 'b'], 's')],
    initializers: new Map([['b', float32([1], [3])]]),
    reads: 's',
  })
  expect(graphFromModel(decodeModel(edited)).graph).toEqual({
    ...graph,
    initializers: new Map([...graph.initializers, ['b', float32([1], [3])]]),
    nodes: [graph.nodes[0], node('Sub', ['h', 'b'], 's'), node('Add', ['s', 'h'], 'y')],
  })
})

it('names a value that no node gives', () => {
  const change = { output: 'z', nodes: () => [], initializers: new Map(), reads: 's' }
  expect(() => insertNodes(encodeGraph(graph), change)).toThrow(
    expect.objectContaining({ code: 'no-such-output' }),
  )
})
