import { describe, expect, it } from 'vitest'
import { encodeGraph } from '../../onnx/encode.ts'
import { graphFromModel } from '../../onnx/from-proto.ts'
import type { Attributes, Graph, Node } from '../../onnx/graph.ts'
import { decodeModel } from '../../onnx/read.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { modelFromOnnx, modelToOnnx, withParameters } from '../import/onnx-model.ts'
import { mlp } from '../layers/networks.ts'
import { findHead } from './head.ts'
import { withHeadOf } from './stored-head.ts'
import { replaceHead, widenHead } from './widen.ts'

const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): Node => ({
  op,
  domain: '',
  name: '',
  inputs,
  outputs,
  attributes,
})

const file = (
  nodes: readonly Node[],
  initializers: Readonly<Record<string, Tensor>>,
  dims = ['N', 3] as const,
) => {
  const graph: Graph = {
    name: 'g',
    inputs: [{ name: 'x', type: 'float32', dims: [...dims] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['N', 2] }],
    initializers: new Map(Object.entries(initializers)),
    nodes,
  }
  return encodeGraph(graph)
}

const rows = float32([2, 3], [1, 2, 3, 4, 5, 6])
const columns = float32([3, 2], [1, 4, 2, 5, 3, 6])
const bias = float32([2], [1, 3])
const forms = {
  'a Gemm by rows': [[node('Gemm', ['x', 'w', 'b'], ['y'], { transB: 1 })], rows, 0],
  'a Gemm by columns behind a softmax': [
    [node('Gemm', ['x', 'w', 'b'], ['z']), node('Softmax', ['z'], ['y'])],
    columns,
    1,
  ],
  'MatMul and Add': [[node('MatMul', ['x', 'w'], ['p']), node('Add', ['b', 'p'], ['y'])], columns, 1],
  'a transposed weight': [
    [node('Transpose', ['w'], ['t']), node('MatMul', ['x', 't'], ['p']), node('Add', ['p', 'b'], ['y'])],
    rows,
    0,
  ],
} satisfies Record<string, [Node[], Tensor<'float32'>, number]>

describe.each(Object.entries(forms))('a head that is %s', (_, [nodes, weight, axis]) => {
  const bytes = file(nodes, { w: weight, b: bias })
  const model = modelFromOnnx(bytes)

  it('is found', () => {
    expect(findHead(model)).toMatchObject({
      weight: 'w',
      bias: 'b',
      classAxis: axis,
      classes: 2,
      features: 'x',
    })
  })

  it('keeps the old classes bit for bit when it is widened', () => {
    const wider = widenHead(model, { classes: ['new'] })
    const found = wider.parameters.get('w') as Tensor<'float32'>
    expect(found.dims).toEqual(axis === 0 ? [3, 3] : [3, 3])
    const old =
      axis === 0
        ? [...found.data.subarray(0, 6)]
        : [0, 1, 2].flatMap((row) => [...found.data.subarray(row * 3, row * 3 + 2)])
    expect(old).toEqual([...weight.data])
    expect([...(wider.parameters.get('b') as Tensor<'float32'>).data]).toEqual([1, 3, 2])
    expect(wider.classes).toEqual(['0', '1', 'new'])
    expect(wider.graph.outputs[0]?.dims).toEqual(['N', 3])
  })

  it('is written into the same file, with its labels', () => {
    const wider = widenHead(model, { classes: ['new'] })
    const written = withHeadOf(withParameters(bytes, wider.parameters), wider)
    const again = modelFromOnnx(written)
    // The weights were written first here, so the file says already how many classes there are.
    expect(again.parameters).toEqual(wider.parameters)
    const described = withParameters(withHeadOf(bytes, wider), wider.parameters)
    expect(modelFromOnnx(described).classes).toEqual(['0', '1', 'new'])
    expect(graphFromModel(decodeModel(described)).graph.outputs[0]?.dims).toEqual(['N', 3])
    expect(withHeadOf(bytes, model)).toBe(bytes)
  })
})

describe('a convolution that is pooled', () => {
  it('is a head, and its classes lie along axis 1', () => {
    const nodes = [
      node('Conv', ['x', 'w', 'b'], ['c']),
      node('Relu', ['c'], ['r']),
      node('GlobalAveragePool', ['r'], ['g']),
      node('Flatten', ['g'], ['y']),
    ]
    const model = modelFromOnnx(file(nodes, { w: float32([2, 3, 1, 1], [1, 2, 3, 4, 5, 6]), b: bias }))
    expect(findHead(model)).toMatchObject({ op: 'Conv', classAxis: 0, values: ['c', 'r', 'g', 'y'] })
    const wider = widenHead(model, { classes: ['a', 'b'] })
    expect(wider.parameters.get('w')?.dims).toEqual([4, 3, 1, 1])
  })
})

describe('a head', () => {
  const model = mlp({ widths: [3, 4, 2] })
  it('can be replaced: nothing of the old rows stays', () => {
    const other = replaceHead(model, { classes: ['cat', 'dog', 'cow'], seed: 3 })
    expect(other.classes).toEqual(['cat', 'dog', 'cow'])
    expect(modelFromOnnx(modelToOnnx(other)).classes).toEqual(['cat', 'dog', 'cow'])
  })

  it('cannot get classes that it has', () => {
    expect(() => widenHead(model, { classes: ['1'] })).toThrow(expect.objectContaining({ code: 'classes' }))
    expect(() => widenHead(model, { classes: [] })).toThrow(expect.objectContaining({ code: 'classes' }))
  })

  it('cannot be widened where its weight is an embedding, too', () => {
    const nodes = [
      node('MatMul', ['x', 'w'], ['h']),
      node('Transpose', ['w'], ['t']),
      node('MatMul', ['h', 't'], ['y']),
    ]
    const tied = modelFromOnnx(
      file(nodes, {
        w: float32(
          [3, 4],
          Array.from({ length: 12 }, (_, n) => n),
        ),
      }),
    )
    expect(() => widenHead(tied, { classes: ['new'] })).toThrow(
      expect.objectContaining({ code: 'head-tied' }),
    )
  })

  it('is missed where the logits come from something else', () => {
    const odd = modelFromOnnx(
      file([node('MatMul', ['x', 'w'], ['h']), node('Tanh', ['h'], ['y'])], { w: columns }),
    )
    expect(() => widenHead(odd, { classes: ['new'] })).toThrow(
      expect.objectContaining({ code: 'head-missing', message: expect.stringContaining('Tanh') }),
    )
  })
})
