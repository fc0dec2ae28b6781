import { describe, expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { type Node, plainNode } from '../../onnx/graph.ts'
import { decodeModel } from '../../onnx/read.ts'
import { required } from '../../required.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { modelFromOnnx } from '../import/index.ts'
import { checkAdapterInputs, withAdapterInputs } from './adapter-inputs.ts'
import { type LoraOptions, withLora } from './lora.ts'
import { mergeLora } from './merge-lora.ts'

const engine = ortNode({ threads: 1 })
const ramp = (dims: number[], from = 0) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, at) => Math.sin(from + at)),
  )

/** A convolution, a Gemm that transposes, a product with a bias behind it, and a head. */
const nodes: readonly Node[] = [
  plainNode('Conv', ['x', 'kernel', 'shift'], 'conv', { pads: [1, 1, 1, 1] }),
  plainNode('Relu', ['conv'], 'relu'),
  plainNode('Flatten', ['relu'], 'flat', { axis: 1 }),
  plainNode('Gemm', ['flat', 'dense', 'offset'], 'gemm', { transB: 1 }),
  plainNode('MatMul', ['gemm', 'middle'], 'product'),
  plainNode('Add', ['product', 'bias'], 'sum'),
  plainNode('Tanh', ['sum'], 'tanh'),
  plainNode('MatMul', ['tanh', 'head'], 'y'),
]
const weights = new Map<string, Tensor>([
  ['kernel', ramp([3, 2, 3, 3])],
  ['shift', ramp([3], 5)],
  ['dense', ramp([5, 12], 1)],
  ['offset', ramp([5], 7)],
  ['middle', ramp([5, 4], 2)],
  ['bias', ramp([4], 3)],
  ['head', ramp([4, 2], 4)],
])
const bytes = encodeGraph({
  name: 'net',
  inputs: [{ name: 'x', type: 'float32', dims: ['N', 2, 2, 2] }],
  outputs: [{ name: 'y', type: 'float32', dims: ['N', 2] }],
  initializers: weights,
  nodes,
})
const file = decodeModel(bytes)
const model = modelFromOnnx(bytes)
const x = new Map([['x', ramp([3, 2, 2, 2], 9)]])

async function answer(source: Uint8Array, fed: ReadonlyMap<string, Tensor> = new Map()): Promise<number[]> {
  const executable = await engine.load(source)
  const outputs = await executable.run(new Map([...x, ...fed]))
  await executable.dispose()
  return toNumbers(required(outputs, 'y', 'output'))
}

describe('updates as inputs', () => {
  it('stand beside convolutions, Gemm and products with a bias', async () => {
    const lora = withLora(model, { rank: 2, alpha: 3, head: false, targets: ['kernel', 'dense', 'middle'] })
    const trained = new Map(
      [...lora.model.parameters].map(([name, { dims }], at) => [name, ramp([...dims], at)] as const),
    )
    const { bytes: served, zeros, adapter } = withAdapterInputs(bytes, file, model, lora, trained, 'required')
    expect(await answer(served, zeros)).toEqual(await answer(bytes))
    const merged = await mergeLora(engine, model, lora, trained)
    const own = await answer(encodeGraph({ ...modelGraph, initializers: new Map([...weights, ...merged]) }))
    for (const [at, value] of (await answer(served, adapter)).entries())
      expect(value).toBeCloseTo(own[at] ?? NaN, 4)
  })

  it('behind a bias leave the product and its bias next to one another', () => {
    const lora = withLora(model, { rank: 2, head: false, targets: ['middle'] })
    const { bytes: served } = withAdapterInputs(bytes, file, model, lora, lora.model.parameters, 'optional')
    const outputs = decodeModel(served).graph?.node.map(({ output }) => output[0])
    expect(outputs).toContain('product')
    expect(outputs).toContain('sum/lora_base')
  })
})

const modelGraph = {
  name: 'net',
  inputs: [{ name: 'x', type: 'float32' as const, dims: ['N', 2, 2, 2] }],
  outputs: [{ name: 'y', type: 'float32' as const, dims: ['N', 2] }],
  nodes,
}

describe('are refused', () => {
  const refused = (options: LoraOptions, from = bytes) => {
    const own = modelFromOnnx(from)
    return () => checkAdapterInputs(withLora(own, options), own, decodeModel(from))
  }
  const code = (expected: string) => expect.objectContaining({ code: expected })

  it('where the head trains in full beside them', () => {
    expect(refused({ targets: ['middle'] })).toThrow(code('adapter-inputs-whole'))
  })

  it('where the weight is read elsewhere, too', () => {
    const tied = encodeGraph({
      ...modelGraph,
      initializers: weights,
      nodes: [
        ...nodes.slice(0, -1),
        plainNode('Add', ['tanh', 'spare'], 'more'),
        plainNode('ReduceSum', ['middle'], 'spare', { keepdims: 0 }),
        plainNode('MatMul', ['more', 'head'], 'y'),
      ].sort((a, b) => Number(b.op === 'ReduceSum') - Number(a.op === 'ReduceSum')),
    })
    expect(refused({ head: false, targets: ['middle'] }, tied)).toThrow(code('adapter-inputs-tied'))
  })

  it('where the layer computes in another type than float32', () => {
    const half = encodeGraph({
      ...modelGraph,
      initializers: new Map<string, Tensor>([
        ...weights,
        ['middle', { type: 'float16', dims: [5, 4], data: new Uint16Array(20).fill(0x3c00) } as Tensor],
        ['bias', { type: 'float16', dims: [4], data: new Uint16Array(4) } as Tensor],
      ]),
      nodes: [
        ...nodes.slice(0, 4),
        plainNode('Cast', ['gemm'], 'narrow', { to: 10 }),
        plainNode('MatMul', ['narrow', 'middle'], 'product'),
        plainNode('Add', ['product', 'bias'], 'sum'),
        plainNode('Cast', ['sum'], 'wide', { to: 1 }),
        plainNode('Tanh', ['wide'], 'tanh'),
        plainNode('MatMul', ['tanh', 'head'], 'y'),
      ],
    })
    expect(refused({ head: false, targets: ['middle'] }, half)).toThrow(code('adapter-inputs-type'))
  })
})
