import { describe, expect, it } from 'vitest'
import { encodeGraph } from '../../onnx/encode.ts'
import type { Graph, Node } from '../../onnx/graph.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { findHead, widenHead } from '../heads/index.ts'
import { modelFromOnnx } from './onnx-model.ts'

const node = (op: string, inputs: readonly string[], output: string): Node => ({
  op,
  domain: '',
  name: `/${output}`,
  inputs,
  outputs: [output],
  attributes: {},
})
const weights: Readonly<Record<string, Tensor>> = {
  w: float32([2, 1], [1, -2]),
  b: float32([1], [0.5]),
  flat: int64([1], [-1]),
}

/** One logit by a MatMul and an Add, and what is made of it. */
function bytesOf(after: readonly Node[], output: string, dims: readonly (number | string)[]): Uint8Array {
  const graph: Graph = {
    name: 'binary',
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 2] }],
    outputs: [{ name: output, type: 'float32', dims }],
    initializers: new Map(Object.entries(weights)),
    nodes: [node('MatMul', ['x', 'w'], 'm'), node('Add', ['m', 'b'], 'z'), ...after],
  }
  return encodeGraph(graph)
}
const sigmoid = bytesOf([node('Sigmoid', ['z'], 'p')], 'p', ['N', 1])

describe('one number for two classes', () => {
  it.each([
    ['a sigmoid [N, 1]', sigmoid, undefined],
    [
      'a sigmoid brought to [N]',
      bytesOf([node('Sigmoid', ['z'], 's'), node('Reshape', ['s', 'flat'], 'p')], 'p', ['N']),
      undefined,
    ],
    [
      'the sigmoid of [N]',
      bytesOf([node('Reshape', ['z', 'flat'], 'r'), node('Sigmoid', ['r'], 'p')], 'p', ['N']),
      undefined,
    ],
    ['a logit [N, 1] and two labels', bytesOf([], 'z', ['N', 1]), ['no', 'yes']],
    ['a logit [N] and two labels', bytesOf([node('Reshape', ['z', 'flat'], 'r')], 'r', ['N']), ['no', 'yes']],
  ])('is read as two logits: %s', (_, bytes, classes) => {
    const model = modelFromOnnx(bytes, classes ? { classes } : {})
    expect(model.classes).toEqual(classes ?? ['0', '1'])
    expect(model.binary).toMatchObject({ answer: expect.any(String) })
    expect([...model.parameters.keys()].sort()).toEqual(['b', 'w'])
    expect(findHead(model)).toMatchObject({ weight: 'w', bias: 'b', features: 'x', classes: 1 })
  })

  it('stays a number where nothing says that it is a logit', () => {
    const model = modelFromOnnx(bytesOf([], 'z', ['N', 1]))
    expect(model).toMatchObject({ output: 'z', classes: ['0'] })
    expect(model.binary).toBeUndefined()
  })

  it('takes several sigmoids for logits, a class each', () => {
    const graph: Graph = {
      name: 'labels',
      inputs: [{ name: 'x', type: 'float32', dims: ['N', 2] }],
      outputs: [{ name: 'p', type: 'float32', dims: ['N', 2] }],
      initializers: new Map([['w', float32([2, 2], [1, 2, 3, 4])]]),
      nodes: [node('MatMul', ['x', 'w'], 'z'), node('Sigmoid', ['z'], 'p')],
    }
    expect(modelFromOnnx(encodeGraph(graph))).toMatchObject({ output: 'z', classes: ['0', '1'] })
  })

  it('cannot have a class more, and says what can', () => {
    const model = modelFromOnnx(sigmoid, { classes: ['no', 'yes'] })
    expect(() => widenHead(model, { classes: ['perhaps'] })).toThrow(
      expect.objectContaining({ code: 'head-binary', message: expect.stringContaining('softmax over two') }),
    )
  })
})
