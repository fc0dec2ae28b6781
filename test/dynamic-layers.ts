import { encodeGraph } from '../src/onnx/encode.ts'
import { graphFromModel } from '../src/onnx/from-proto.ts'
import {
  type Attribute,
  type Graph,
  graph as graphAttribute,
  inputName,
  type Node,
  outputName,
  plainNode as plain,
} from '../src/onnx/graph.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'

// What onnxruntime's quantize_dynamic makes of a file: products with constant weights in whole numbers, with its names and formulas, and
// tables whose rows are made floats again.

export interface DynamicForm {
  /** Of the weights. int8 lies evenly around 0; uint8 has a zero point. Default int8. */
  readonly type?: 'int8' | 'uint8'
  /** Whether each column has a scale of its own. Default false. */
  readonly byChannel?: boolean
  /** Weights that stay floats. */
  readonly keep?: readonly string[]
}

export interface Quantised {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** What the weights in whole numbers stand for, under the names that they had. */
  readonly rounded: ReadonlyMap<string, Tensor<'float32'>>
}

export function dynamicallyQuantised(file: Uint8Array, form: DynamicForm = {}): Quantised {
  const { graph, opsets } = graphFromModel(decodeModel(file))
  const initializers = new Map(graph.initializers)
  const rounded = new Map<string, Tensor<'float32'>>()
  const quantise = (name: string, turned: boolean, byChannel: boolean): boolean => {
    const tensor = graph.initializers.get(name)
    if (tensor?.type !== 'float32' || tensor.dims.length !== 2 || form.keep?.includes(name)) return false
    if (rounded.has(name)) return true
    const floats = float32(tensor.dims, tensor.data as Float32Array)
    const found = inWholeNumbers(turned ? transposed(floats) : floats, { ...form, byChannel })
    initializers.delete(name)
    for (const [part, value] of found.parts) initializers.set(`${name}_${part}`, value)
    rounded.set(name, turned ? transposed(found.rounded) : found.rounded)
    return true
  }
  const byChannel = form.byChannel ?? false
  const nodesIn = ({ nodes }: Graph): Node[] => {
    const rounds = new Set<string>()
    return nodes.flatMap((node): Node[] => {
      const weight = inputName(node, node.op === 'Gather' ? 0 : 1)
      const turned = node.op === 'Gemm' && node.attributes.transB === 1
      if (node.op === 'Gather' && quantise(weight, false, false)) return rowsOf(node)
      const product = node.op === 'MatMul' || node.op === 'Gemm'
      if (product && quantise(weight, turned, byChannel)) return productOf(node, rounds)
      return [{ ...node, attributes: within(node.attributes, nodesIn) }]
    })
  }
  const nodes = nodesIn(graph)
  return { bytes: encodeGraph({ ...graph, initializers, nodes }, { opsets, irVersion: 8 }), rounded }
}

const within = (attributes: Node['attributes'], nodesIn: (graph: Graph) => Node[]): Node['attributes'] =>
  Object.fromEntries(
    Object.entries(attributes).map(([key, attribute]): [string, Attribute] =>
      typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph'
        ? [key, graphAttribute({ ...attribute.value, nodes: nodesIn(attribute.value) })]
        : [key, attribute],
    ),
  )

/** One node rounds what several products read. */
function productOf(node: Node, rounds: Set<string>): Node[] {
  const [x = '', weight = '', bias] = node.inputs
  const output = outputName(node, 0)
  const product = bias === undefined ? output : `${output}_MatMul`
  const sums = `${product}_output_quantized`
  const rounding: Node = {
    ...plain('DynamicQuantizeLinear', [x], `${x}_quantized`),
    outputs: [`${x}_quantized`, `${x}_scale`, `${x}_zero_point`],
  }
  const first = !rounds.has(x)
  rounds.add(x)
  return [
    ...(first ? [rounding] : []),
    {
      ...plain(
        'MatMulInteger',
        [`${x}_quantized`, `${weight}_quantized`, `${x}_zero_point`, `${weight}_zero_point`],
        sums,
      ),
      name: `${node.name}_quant`,
    },
    plain('Cast', [sums], `${sums}_cast_output`, { to: 1 }),
    plain('Mul', [`${x}_scale`, `${weight}_scale`], `${node.name}_quant_scales_mul:0`),
    plain('Mul', [`${sums}_cast_output`, `${node.name}_quant_scales_mul:0`], product),
    ...(bias === undefined ? [] : [plain('Add', [product, bias], output)]),
  ]
}

function rowsOf(node: Node): Node[] {
  const [table = '', places = ''] = node.inputs
  const output = outputName(node, 0)
  return [
    { ...node, inputs: [`${table}_quantized`, places], outputs: [`${output}_quantized`] },
    {
      ...plain('DequantizeLinear', [`${output}_quantized`, `${table}_scale`, `${table}_zero_point`], output),
      name: `${output}_DequantizeLinear`,
    },
  ]
}

function transposed({ dims: [rows = 0, columns = 0], data }: Tensor<'float32'>): Tensor<'float32'> {
  return float32(
    [columns, rows],
    Float32Array.from(data, (_, at) => data[(at % rows) * columns + Math.floor(at / rows)] ?? Number.NaN),
  )
}

function inWholeNumbers(
  { dims, data }: Tensor<'float32'>,
  { type = 'int8', byChannel = false }: DynamicForm,
): { readonly parts: readonly (readonly [string, Tensor])[]; readonly rounded: Tensor<'float32'> } {
  const columns = byChannel ? (dims[1] ?? 1) : 1
  const parts = Array.from({ length: columns }, (_, column) =>
    data.filter((__, at) => at % columns === column),
  )
  const ranges = parts.map((values) => rangeOf(values, type))
  const rangeAt = (at: number) => ranges[at % columns] ?? { scale: Number.NaN, zero: 0 }
  const [low, high] = type === 'int8' ? [-127, 127] : [0, 255]
  const whole = Array.from(data, (value, at) => {
    const { scale, zero } = rangeAt(at)
    return Math.min(high, Math.max(low, Math.round(value / scale) + zero))
  })
  const integers = (sizes: readonly number[], values: readonly number[]): Tensor =>
    type === 'int8'
      ? { type, dims: sizes, data: Int8Array.from(values) }
      : { type, dims: sizes, data: Uint8Array.from(values) }
  const along = byChannel ? [columns] : []
  return {
    parts: [
      ['quantized', integers(dims, whole)],
      [
        'scale',
        float32(
          along,
          ranges.map(({ scale }) => scale),
        ),
      ],
      [
        'zero_point',
        integers(
          along,
          ranges.map(({ zero }) => zero),
        ),
      ],
    ],
    rounded: float32(
      dims,
      whole.map((value, at) => (value - rangeAt(at).zero) * rangeAt(at).scale),
    ),
  }
}

function rangeOf(values: Float32Array, type: 'int8' | 'uint8'): { scale: number; zero: number } {
  const least = Math.min(0, ...values)
  const most = Math.max(0, ...values)
  if (type === 'int8') return { scale: Math.fround(Math.max(-least, most) / 127), zero: 0 }
  const scale = Math.fround((most - least) / 255)
  return { scale, zero: Math.round(-least / scale) }
}
