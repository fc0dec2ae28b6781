import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Node } from '../src/onnx/graph.ts'
import { TensorCode } from '../src/onnx/index.ts'
import { floatsAs } from '../src/tensor/convert.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'

/** How a file keeps its weights; coarse ones have few steps, so that rounding moves answers. */
export const storages = [
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int8 by channel',
  'int8 with float16 scales',
  'int8, coarse',
  'int8 by channel, coarse',
  'uint8, coarse',
] as const
export type Storage = (typeof storages)[number]

/** A file of the model that keeps its matrices so: what reads them is a Cast, or a DequantizeLinear node. */
export function storedAs(model: Model, storage: Storage): Uint8Array<ArrayBuffer> {
  const nodes: Node[] = []
  const initializers = new Map<string, Tensor>([...model.graph.initializers, ...model.buffers])
  const renamed = new Map<string, string>()
  for (const [name, tensor] of model.parameters) {
    if (tensor.dims.length !== 2) {
      initializers.set(name, tensor)
      continue
    }
    const output = `${name}/read`
    renamed.set(name, output)
    const made = held(name, tensor as Tensor<'float32'>, storage, output)
    nodes.push(...made.nodes)
    for (const [key, value] of made.tensors) initializers.set(key, value)
  }
  const graph = {
    ...model.graph,
    initializers,
    nodes: [
      ...nodes,
      ...model.graph.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((input) => renamed.get(input) ?? input),
      })),
    ],
  }
  return encodeGraph(graph, { opsets: model.opsets })
}

function held(
  name: string,
  tensor: Tensor<'float32'>,
  storage: Storage,
  output: string,
): { readonly nodes: readonly Node[]; readonly tensors: readonly (readonly [string, Tensor])[] } {
  if (storage === 'float16' || storage === 'bfloat16') {
    return {
      nodes: [cast(name, name, output)],
      tensors: [[name, floatsAs(tensor, storage, name)]],
    }
  }
  const steps = storage.includes('coarse') ? 5 : 127
  const [rows = 1, width = 1] = tensor.dims
  const byChannel = storage.includes('channel')
  const zero = storage.startsWith('uint8') ? 128 : 0
  const most = (from: number, to: number) =>
    tensor.data.subarray(from, to).reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  const scales = byChannel
    ? Array.from({ length: rows }, (_, row) => most(row * width, (row + 1) * width) / steps)
    : [most(0, rows * width) / steps]
  const whole = Array.from(
    tensor.data,
    (value, at) => Math.round(value / (scales[byChannel ? Math.floor(at / width) : 0] ?? 1)) + zero,
  )
  const type = storage.startsWith('uint8') ? 'uint8' : 'int8'
  const data = type === 'uint8' ? Uint8Array.from(whole) : Int8Array.from(whole)
  const dims = byChannel ? [rows] : []
  const scale = float32(dims, scales)
  const zeros = new Array<number>(scales.length).fill(zero)
  const half = storage.includes('float16 scales')
  const node: Node = {
    name: `${name}/dequantise`,
    op: 'DequantizeLinear',
    domain: '',
    inputs: [`${name}/whole`, `${name}/scale`, `${name}/zero`],
    outputs: [half ? `${name}/half` : output],
    attributes: byChannel ? { axis: 0 } : {},
  }
  return {
    nodes: half ? [node, cast(name, `${name}/half`, output)] : [node],
    tensors: [
      [`${name}/whole`, { type, dims: tensor.dims, data } as Tensor],
      [`${name}/scale`, half ? floatsAs(scale, 'float16', name) : scale],
      [
        `${name}/zero`,
        { type, dims, data: type === 'uint8' ? Uint8Array.from(zeros) : Int8Array.from(zeros) } as Tensor,
      ],
    ],
  }
}

const cast = (name: string, from: string, to: string): Node => ({
  name: `${name}/cast`,
  op: 'Cast',
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: { to: TensorCode.float32 },
})
