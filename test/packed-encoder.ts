import { encodeGraph } from '../src/onnx/encode.ts'
import { float, type Graph, type Node, plainNode as plain } from '../src/onnx/graph.ts'
import { required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts'

// A small encoder of points: two tokens of a point, attention, a layer of its own behind it, norms, and a head; as floats, or with
// linear layers of few bits, as MatMulNBits has them.

const WIDTH = 16
const BLOCK = 16

/** What reads and gives how many numbers, and in how many bits it is packed. */
const layers = {
  query: [WIDTH, WIDTH, 4],
  key: [WIDTH, WIDTH, 4],
  value: [WIDTH, WIDTH, 8],
  joined: [WIDTH, WIDTH, 4],
  up: [WIDTH, 2 * WIDTH, 4],
  down: [2 * WIDTH, WIDTH, 8],
} as const
type LayerName = keyof typeof layers
export const packedNames = Object.keys(layers) as LayerName[]

/** The encoder in floats, each weight [in, out] under its layer's name; random, or with these. */
export function encoderFile(classes: number, weights: ReadonlyMap<string, Tensor> = new Map()): Uint8Array {
  const random = randomStream(5, 'encoder')
  const drawn = (dims: readonly number[], spread: number, mean = 0): Tensor => {
    const tensor = float32(dims)
    random.fillNormal(tensor.data, mean, spread)
    return tensor
  }
  const linear = packedNames.map((name): [string, Tensor] => {
    const [rows, columns] = layers[name]
    return [name, drawn([rows, columns], 1 / Math.sqrt(rows))]
  })
  const own = new Map<string, Tensor>([
    ['entry.weight', drawn([2 * WIDTH, 2], 0.7)],
    ['entry.bias', drawn([2 * WIDTH], 0.5)],
    ...linear,
    ['norm.scale', drawn([WIDTH], 0.1, 1)],
    ['norm.bias', drawn([WIDTH], 0.1)],
    ['head.weight', drawn([classes, WIDTH], 0.3)],
    ['head.bias', drawn([classes], 0.1)],
  ])
  const known = new Map([...own].map(([name, tensor]) => [name, weights.get(name) ?? tensor]))
  return fileOf(known, (name, x) => plain('MatMul', [x, name], `${name}/product`), classes)
}

/** The same file, linear layers rounded to few bits; and their weights as they are then, [in, out]. */
export function packedEncoder(classes: number, weights: ReadonlyMap<string, Tensor>) {
  const rounded = new Map<string, Tensor>()
  const packed = new Map<string, Tensor>()
  for (const name of packedNames) {
    const [rows, columns, bits] = layers[name]
    const found = pack(required(weights, name, 'weight') as Tensor<'float32'>, [rows, columns], bits)
    rounded.set(name, found.rounded)
    packed.set(`${name}_Q${bits}`, found.bytes)
    packed.set(`${name}_scales`, found.scales)
  }
  const others = [...weights].filter(([name]) => !rounded.has(name))
  const node = (name: LayerName, x: string): Node => {
    const [rows, columns, bits] = layers[name]
    return {
      ...plain('MatMulNBits', [x, `${name}_Q${bits}`, `${name}_scales`], `${name}/product`),
      ...{ domain: 'com.microsoft', attributes: { K: rows, N: columns, bits, block_size: BLOCK } },
    }
  }
  return { bytes: fileOf(new Map([...others, ...packed]), node, classes), rounded }
}

function fileOf(
  weights: ReadonlyMap<string, Tensor>,
  layer: (name: LayerName, x: string) => Node,
  classes: number,
): Uint8Array {
  const nodes = [
    plain('Gemm', ['points', 'entry.weight', 'entry.bias'], 'entered', { transB: 1 }),
    plain('Reshape', ['entered', 'two_tokens'], 'tokens'),
    ...(['query', 'key', 'value'] as const).map((name) => layer(name, 'tokens')),
    plain('Transpose', ['key/product'], 'turned', { perm: [0, 2, 1] }),
    plain('MatMul', ['query/product', 'turned'], 'dots'),
    plain('Mul', ['dots', 'quarter'], 'scores'),
    plain('Softmax', ['scores'], 'shares', { axis: -1 }),
    plain('MatMul', ['shares', 'value/product'], 'mixed'),
    layer('joined', 'mixed'),
    plain('Add', ['tokens', 'joined/product'], 'attended'),
    plain('LayerNormalization', ['attended', 'norm.scale', 'norm.bias'], 'normed', {
      axis: -1,
      epsilon: float(1e-5),
    }),
    layer('up', 'normed'),
    plain('Relu', ['up/product'], 'active'),
    layer('down', 'active'),
    plain('Add', ['attended', 'down/product'], 'out'),
    plain('ReduceMean', ['out'], 'features', { axes: [1], keepdims: 0 }),
    plain('Gemm', ['features', 'head.weight', 'head.bias'], 'logits', { transB: 1 }),
  ]
  const graph: Graph = {
    name: 'encoder',
    inputs: [{ name: 'points', type: 'float32', dims: ['batch', 2] }],
    outputs: [{ name: 'logits', type: 'float32', dims: ['batch', classes] }],
    initializers: new Map([
      ...weights,
      ['two_tokens', int64([3], [-1, 2, WIDTH])],
      ['quarter', float32([], [1 / Math.sqrt(WIDTH)])],
    ]),
    nodes,
  }
  return encodeGraph(graph, { opsets: { '': 17, 'com.microsoft': 1 }, irVersion: 8 })
}

/** [in, out] in blocks of a column each, q - 2^(bits - 1) times the block's scale. */
function pack(
  { data }: Tensor<'float32'>,
  [rows, columns]: readonly [number, number],
  bits: number,
): { readonly bytes: Tensor; readonly scales: Tensor; readonly rounded: Tensor } {
  const blocks = rows / BLOCK
  const middle = 2 ** (bits - 1)
  const scales = float32([columns * blocks])
  const bytes = new Uint8Array((columns * rows * bits) / 8)
  const rounded = float32([rows, columns])
  for (let column = 0; column < columns; column++) {
    for (let block = 0; block < blocks; block++) {
      const places = Array.from({ length: BLOCK }, (_, at) => (block * BLOCK + at) * columns + column)
      const values = places.map((place) => data[place] ?? Number.NaN)
      const scale = Math.fround(Math.max(...values.map(Math.abs)) / (middle - 1))
      scales.data[column * blocks + block] = scale
      for (const [at, place] of places.entries()) {
        const q = Math.round((values[at] ?? Number.NaN) / scale) + middle
        rounded.data[place] = (q - middle) * scale
        const bit = ((column * blocks + block) * BLOCK + at) * bits
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (q << (bit & 7))
      }
    }
  }
  const dims = [columns, blocks, (BLOCK * bits) / 8]
  return { bytes: { type: 'uint8', dims, data: bytes }, scales, rounded }
}
