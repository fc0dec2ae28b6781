import { UsageError } from '../../errors.ts'
import { type Attributes, float } from '../../onnx/graph.ts'
import { float32, int64, sizeOf } from '../../tensor/tensor.ts'
import type { Initialisation } from './initialise.ts'
import type { Layer, NetworkWriter, Signal } from './network.ts'
import type { PaddingMask } from './padding-mask.ts'

export interface LinearOptions {
  /** Default true. */
  readonly bias?: boolean
  /** Of the weight; default kaiming-uniform. */
  readonly start?: Initialisation
  /** Of the bias; default bias-uniform. */
  readonly biasStart?: Initialisation
}

/**
 * y = x W^T + b over the last axis: parameters `weight` [out, in] and `bias` [out], as in PyTorch.
 *
 * @example
 * const fc = linear(784, 10)
 */
export function linear(inputs: number, outputs: number, options: LinearOptions = {}): Layer {
  const { bias = true, start = 'kaiming-uniform', biasStart = 'bias-uniform' } = options
  return (writer, x) => {
    checkAxis(writer, 'linear', x, -1, inputs)
    const weight = writer.parameter('weight', [outputs, inputs], start)
    const offset = bias ? [writer.parameter('bias', [outputs], biasStart, inputs)] : []
    const dims = [...x.dims.slice(0, -1), outputs]
    const affine = (rows: string) => writer.node('Gemm', [rows, weight, ...offset], { transB: 1 })
    if (x.dims.length === 2) return { name: affine(x.name), dims }
    // All positions as rows of one matrix: the weight is then read as it lies, forward and backward.
    const rows = writer.node('Reshape', [x.name, writer.constant(int64([2], [-1, inputs]))])
    const back = writer.constant(int64([dims.length], [-1, ...dims.slice(1).map(Number)]))
    return { name: writer.node('Reshape', [affine(rows), back]), dims }
  }
}

/** The mean over axis 1, the tokens: [N, T, W] to [N, W]. With a mask over those that are no padding; of a row of padding alone 0. */
export function tokenMean({ mask }: { readonly mask?: PaddingMask | undefined } = {}): Layer {
  return (writer, x) => {
    checkRank(writer, 'tokenMean', x, 3)
    const axes = writer.constant(int64([1], [1]))
    const dims = [x.dims[0] ?? 'N', x.dims[2] ?? 1]
    if (!mask) return { name: writer.node('ReduceMean', [x.name, axes], { keepdims: 0 }), dims }
    const sum = (value: string) => writer.node('ReduceSum', [value, axes], { keepdims: 0 })
    const count = writer.node('Max', [sum(mask.tokens), writer.constant(float32([], [1]))])
    return { name: writer.node('Div', [sum(writer.node('Mul', [x.name, mask.tokens])), count]), dims }
  }
}

/** All of a sample in one row. A batch that is flat already stays as it is. */
export function flatten(): Layer {
  return (writer, x) => {
    const shape = writer.constant(int64([2], [0, -1]))
    return {
      name: writer.node('Reshape', [x.name, shape]),
      dims: [x.dims[0] ?? 'N', sizeOf(x.dims.slice(1).map(Number))],
    }
  }
}

/** Layer normalisation over the last axis: parameters `weight` and `bias`. `epsilon` defaults to 1e-5. */
export function layerNorm(width: number, options: { readonly epsilon?: number } = {}): Layer {
  return (writer, x) => {
    checkAxis(writer, 'layerNorm', x, -1, width)
    const inputs = [
      x.name,
      writer.parameter('weight', [width], 'ones'),
      writer.parameter('bias', [width], 'zeros'),
    ]
    const attributes = { axis: -1, epsilon: float(options.epsilon ?? 1e-5) }
    return { name: writer.node('LayerNormalization', inputs, attributes), dims: x.dims }
  }
}

/** A row of the table for each token: [N, T] of integers to [N, T, width]. Parameter `weight` [vocabulary, width]. */
export function embedding(vocabulary: number, width: number): Layer {
  return (writer, x) => {
    const weight = writer.parameter('weight', [vocabulary, width], 'normal')
    return { name: writer.node('Gather', [weight, x.name], { axis: 0 }), dims: [...x.dims, width] }
  }
}

/** A learned vector added to each position: parameter `weight` [tokens, width]. */
export function positionEmbedding(tokens: number, width: number): Layer {
  return (writer, x) => {
    checkAxis(writer, 'positionEmbedding', x, -2, tokens)
    const weight = writer.parameter('weight', [tokens, width], 'trunc-normal')
    return { name: writer.node('Add', [x.name, weight]), dims: x.dims }
  }
}

const elementwise =
  (op: string, attributes: Attributes = {}): Layer =>
  (writer, x) => ({ name: writer.node(op, [x.name], attributes), dims: x.dims })

export const relu = (): Layer => elementwise('Relu')
export const tanh = (): Layer => elementwise('Tanh')
export const sigmoid = (): Layer => elementwise('Sigmoid')
/** x Phi(x) by the error function, not its tanh approximation. */
export const gelu = (): Layer => elementwise('Gelu')
/** Drops that share of the elements in training and scales the others up; passes all on at inference. */
export const dropout =
  (ratio: number): Layer =>
  (writer, x) => ({
    name: writer.node('Dropout', [x.name, writer.constant(float32([], [ratio]))]),
    dims: x.dims,
  })

/**
 * Layers one after another. In an array they are called 0, 1, 2, … as in PyTorch's Sequential; in a record by its keys.
 *
 * @example
 * const body = sequential([linear(784, 100), relu(), linear(100, 10)]) // 0.weight, 0.bias, 2.weight, 2.bias
 */
export function sequential(layers: readonly Layer[] | Readonly<Record<string, Layer>>): Layer {
  return (writer, x) =>
    Object.entries(layers).reduce((signal, [name, layer]) => layer(writer.at(name), signal), x)
}

/** y = body(x) + shortcut(x); without a shortcut x itself is added. Both write at this layer's own path. */
export function residual(body: Layer, shortcut?: Layer): Layer {
  return (writer, x) => {
    const through = body(writer, x)
    const past = shortcut ? shortcut(writer, x) : x
    if (through.dims.join() !== past.dims.join()) {
      throw new UsageError(
        'residual-dims',
        `residual at "${writer.path}": the body gives [${through.dims}], the shortcut [${past.dims}]. They are added, so they must agree.`,
      )
    }
    return { name: writer.node('Add', [through.name, past.name]), dims: through.dims }
  }
}

export function checkAxis(writer: NetworkWriter, layer: string, x: Signal, axis: number, size: number): void {
  const found = x.dims.at(axis)
  if (found !== size) {
    throw new UsageError(
      'layer-dims',
      `${layer} at "${writer.path}" takes ${size} along axis ${axis}, but what arrives is [${x.dims}].`,
    )
  }
}

export function checkRank(writer: NetworkWriter, layer: string, x: Signal, rank: number): void {
  if (x.dims.length !== rank) {
    throw new UsageError(
      'layer-dims',
      `${layer} at "${writer.path}" takes ${rank} dims, but what arrives is [${x.dims}].`,
    )
  }
}
