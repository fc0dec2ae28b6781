import { expect, it } from 'vitest'
import type { Attributes, Graph, Node } from '../../onnx/graph.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { isNonNegative } from './non-negative.ts'

const node = (op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Node => ({
  ...{ op, domain: '', name: '', inputs, attributes },
  outputs: [output],
})
const graph = (nodes: readonly Node[]): Graph => ({
  name: 'g',
  inputs: [{ name: 'x', type: 'float32', dims: ['N', 3] }],
  outputs: [],
  initializers: new Map<string, Tensor>([
    ['zero', float32([], [0])],
    ['low', float32([], [-1])],
  ]),
  nodes,
})
const relu = node('Relu', ['x'], 'r')

it.each<[string, readonly Node[], boolean]>([
  ['a pooled Relu', [relu, node('GlobalAveragePool', ['r'], 'p'), node('Flatten', ['p'], 'f')], true],
  ['the input', [node('Flatten', ['x'], 'f')], false],
  ['a Relu6', [node('Clip', ['x', 'zero'], 'f')], true],
  ['a Relu6 of older files', [node('Clip', ['x'], 'f', { min: 0, max: 6 })], true],
  ['a Clip from -1 on', [node('Clip', ['x', 'low'], 'f')], false],
  ['the sum of two that are', [relu, node('Sigmoid', ['x'], 's'), node('Add', ['r', 's'], 'f')], true],
  ['a sum with one that is not', [relu, node('Add', ['r', 'x'], 'f')], false],
  ['a product of weights', [relu, node('MatMul', ['r', 'low'], 'f')], false],
  ['an op of others by a known name', [{ ...node('Relu', ['x'], 'f'), domain: 'com.others' }], false],
  ['a circle', [node('Add', ['f', 'f'], 'f')], false],
])('tells of %s whether it can be negative', (_, nodes, answer) => {
  expect(isNonNegative(graph(nodes), 'f')).toBe(answer)
})
