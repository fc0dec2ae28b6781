import { describe, expect, it } from 'vitest'
import { type Attributes, type Graph, graph as graphAttribute, type Node } from '../onnx/graph.ts'
import { float32, int64, type Tensor } from '../tensor/tensor.ts'
import { obstacles } from './obstacles.ts'

const node = (
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: Attributes = {},
  domain = '',
): Node => ({
  op,
  domain,
  name: `${op.toLowerCase()}_of_${inputs[0]}`,
  inputs,
  outputs,
  attributes,
})

const graphOf = (nodes: readonly Node[], initializers: Readonly<Record<string, Tensor>> = {}): Graph => ({
  name: 'g',
  inputs: [{ name: 'x', type: 'float32', dims: ['N', 3] }],
  outputs: [{ name: 'y', type: 'float32', dims: undefined }],
  initializers: new Map(Object.entries({ w: float32([3, 3]), v: float32([3, 3]), ...initializers })),
  nodes,
})

const parameters = new Map(['w', 'v'].map((name) => [name, float32([3, 3])]))
const found = (nodes: readonly Node[], initializers?: Readonly<Record<string, Tensor>>) =>
  obstacles(graphOf(nodes, initializers), { '': 17 }, { parameters })

describe('obstacles', () => {
  it('finds none where a model can be trained', () => {
    expect(found([node('MatMul', ['x', 'w'], ['a']), node('Relu', ['a'], ['y'])])).toEqual([])
  })

  it('lists every op that is not known, those behind the first among them', () => {
    const list = found([
      node('MatMul', ['x', 'w'], ['a']),
      node('Nonsense', ['a'], ['b']),
      node('MatMul', ['b', 'v'], ['c']),
      node('BeamSearch', ['c'], ['y'], {}, 'com.microsoft'),
    ])
    expect(list).toEqual([
      {
        node: 'nonsense_of_a',
        op: 'Nonsense',
        domain: '',
        reason: expect.stringMatching(/not in Holdfast's table/),
      },
      {
        node: 'beamsearch_of_c',
        op: 'BeamSearch',
        domain: 'com.microsoft',
        reason: expect.stringMatching(/com\.microsoft/),
      },
    ])
  })

  it('lists ops that a gradient cannot pass only where one has to', () => {
    const nodes = [
      node('MatMul', ['x', 'w'], ['a']),
      node('Hardmax', ['a'], ['b']),
      node('MatMul', ['b', 'v'], ['y']),
    ]
    expect(found(nodes)).toEqual([
      {
        node: 'hardmax_of_a',
        op: 'Hardmax',
        domain: '',
        reason: expect.stringMatching(/gradient has to pass/),
      },
    ])
    const last = new Map([['v', float32([3, 3])]])
    expect(obstacles(graphOf(nodes), { '': 17 }, { parameters: last })).toEqual([])
  })

  it('goes on before an op that a gradient cannot pass, and before one that is not known', () => {
    const list = found([
      node('MatMul', ['x', 'w'], ['a']),
      node('Hardmax', ['a'], ['b']),
      node('MatMul', ['b', 'v'], ['c']),
      node('Hardmax', ['c'], ['d']),
      node('Nonsense', ['d'], ['y']),
    ])
    expect(list.map((item) => item.node)).toEqual(['nonsense_of_d', 'hardmax_of_c', 'hardmax_of_a'])
  })

  it('says why a form is refused, by the name of the first output where the node has none', () => {
    const branch = graphAttribute({
      ...graphOf([node('Neg', ['x'], ['y'])]),
      inputs: [],
      initializers: new Map(),
    })
    const nodes = [
      node('ReduceSum', ['x'], ['sum'], { keepdims: 0 }),
      node('Greater', ['sum', 'zero'], ['c']),
      { ...node('If', ['c'], ['y'], { then_branch: branch, else_branch: branch }), name: '' },
    ]
    expect(found(nodes, { zero: float32([], [0]) })).toEqual([
      { node: 'y', op: 'If', domain: '', reason: expect.stringMatching(/condition is computed at run time/) },
    ])
  })

  it('takes the sizes of symbolic dims that it is given', () => {
    const nodes = [node('Reshape', ['x', 'dims'], ['y'])]
    const graph = graphOf(nodes, { dims: int64([2], [6, 2]) })
    expect(obstacles(graph, { '': 17 }, { parameters })).toMatchObject([{ op: 'Reshape' }])
    expect(obstacles(graph, { '': 17 }, { parameters, sizes: { N: 4 } })).toEqual([])
  })

  it('names a node whose input nobody computes, and a cycle', () => {
    expect(found([node('Add', ['x', 'nowhere'], ['y'])])).toMatchObject([
      { op: 'Add', reason: expect.stringMatching(/"nowhere"/) },
    ])
    expect(
      found([node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b']), node('Abs', ['a'], ['y'])]),
    ).toMatchObject([{ reason: expect.stringMatching(/own output/) }])
  })

  it('lists an operator set out of range', () => {
    expect(obstacles(graphOf([]), { '': 5 }, { parameters })).toEqual([
      { node: '', op: '', domain: '', reason: expect.stringMatching(/operator set 5/) },
    ])
  })
})
