import { describe, expect, it } from 'vitest'
import { obstacles } from '../../autodiff/index.ts'
import { type Graph, type Node, plainNode } from '../../onnx/graph.ts'
import { fromNumbers } from '../../ops/core/index.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { withDynamicLayers } from './dynamic-layers.ts'

const rounding: Node = {
  ...plainNode('DynamicQuantizeLinear', ['h'], 'h_q'),
  outputs: ['h_q', 'h_scale', 'h_zero'],
}
const product = (name: string, turned = false): Node[] => {
  const either = (a: string, b: string) => (turned ? [b, a] : [a, b])
  return [
    plainNode('MatMulInteger', ['h_q', `${name}_q`, 'h_zero', `${name}_zero`], `${name}/sums`),
    plainNode('Cast', [`${name}/sums`], `${name}/cast`, { to: 1 }),
    plainNode('Mul', either('h_scale', `${name}_scale`), `${name}/scales`),
    plainNode('Mul', either(`${name}/cast`, `${name}/scales`), name),
  ]
}
const constantsOf = (name: string): [string, Tensor][] => [
  [`${name}_q`, fromNumbers('int8', [2, 2], [1, 2, 3, 4])],
  [`${name}_scale`, float32([2], [0.1, 0.2])],
  [`${name}_zero`, fromNumbers('int8', [2], [0, 0])],
]
const graphOf = (nodes: readonly Node[], outputs: readonly string[], names = ['a', 'b']): Graph => ({
  name: 'g',
  inputs: [{ name: 'x', type: 'float32', dims: ['n', 2] }],
  outputs: outputs.map((name) => ({ name, type: 'float32', dims: ['n', 2] })),
  initializers: new Map([['bias', float32([2], [0.1, 0.2])], ...names.flatMap(constantsOf)]),
  nodes: [plainNode('Add', ['x', 'bias'], 'h'), ...nodes],
})
const layer = (name: string) => ({
  ...{ op: 'DynamicQuantizeMatMul', domain: 'com.microsoft', name: `${name}/sums` },
  ...{ inputs: ['h', `${name}_q`, `${name}_scale`, `${name}_zero`], outputs: [name] },
})

describe('products that round what they read', () => {
  it('are one node each, whichever factor comes first, and the rounding that they shared goes', () => {
    const { nodes } = withDynamicLayers(
      graphOf([rounding, ...product('a'), ...product('b', true)], ['a', 'b']),
    )
    expect(nodes).toMatchObject([{ op: 'Add' }, layer('a'), layer('b')])
  })

  it('are so, too, where the runtime has fused them', () => {
    const inputs = ['h_q', 'a_q', 'h_scale', 'a_scale', 'h_zero', 'a_zero', 'bias']
    const fused: Node = { ...plainNode('MatMulIntegerToFloat', inputs, 'a'), domain: 'com.microsoft' }
    const { nodes } = withDynamicLayers(graphOf([rounding, fused], ['a']))
    expect(nodes).toMatchObject([
      { op: 'Add' },
      { ...layer('a'), name: 'a', inputs: [...layer('a').inputs, 'bias'] },
    ])
  })

  it('leave a rounding that something else reads', () => {
    const other = plainNode('Cast', ['h_q'], 'seen', { to: 1 })
    const { nodes } = withDynamicLayers(graphOf([rounding, ...product('a'), other], ['a', 'seen']))
    expect(nodes.map(({ op }) => op)).toEqual([
      'Add',
      'DynamicQuantizeLinear',
      'DynamicQuantizeMatMul',
      'Cast',
    ])
  })

  it('are no layers where the weight is computed, and a gradient that has to pass is refused by name', () => {
    const weights: Node = {
      ...plainNode('DynamicQuantizeLinear', ['h'], 'a_q'),
      ...{ name: 'weights', outputs: ['a_q', 'a_scale', 'a_zero'] },
    }
    const graph = graphOf([rounding, weights, ...product('a')], ['a'], [])
    expect(withDynamicLayers(graph)).toBe(graph)
    const parameters = new Map([['bias', float32([2])]])
    const found = obstacles(graph, { '': 17 }, { parameters, sizes: { n: 2 } })
    expect(found.map(({ op }) => op)).toContain('DynamicQuantizeLinear')
    expect(found[0]?.reason).toMatch(/only on the way to products with constant weights/)
  })
})
