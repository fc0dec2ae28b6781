import { UsageError } from '../../errors.ts'
import { type Attributes, float } from '../../onnx/graph.ts'
import { float32, int64, sizeOf } from '../../tensor/tensor.ts'
import type { Initialisation } from './initialise.ts'
import type { Layer, NetworkWriter, Signal } from './network.ts'

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

export interface ConvOptions {
  /** Default 1. */
  readonly stride?: number
  /** Zeros on every side. Default 0. */
  readonly padding?: number
  /** Default 1. */
  readonly dilation?: number
  /** Default 1. */
  readonly groups?: number
  /** Default true. */
  readonly bias?: boolean
  /** Of the weight; default kaiming-uniform. */
  readonly start?: Initialisation
}

/**
 * A convolution over [N, inputs, H, W] with a square kernel: parameters `weight` [out, in / groups, k, k] and `bias`.
 *
 * @example
 * const conv = conv2d(3, 32, 3, { padding: 1 })
 */
export function conv2d(inputs: number, outputs: number, kernel: number, options: ConvOptions = {}): Layer {
  const {
    stride = 1,
    padding = 0,
    dilation = 1,
    groups = 1,
    bias = true,
    start = 'kaiming-uniform',
  } = options
  return (writer, x) => {
    checkRank(writer, 'conv2d', x, 4)
    checkAxis(writer, 'conv2d', x, 1, inputs)
    const weight = writer.parameter('weight', [outputs, inputs / groups, kernel, kernel], start)
    const fanIn = (inputs / groups) * kernel * kernel
    const offset = bias ? [writer.parameter('bias', [outputs], 'bias-uniform', fanIn)] : []
    const name = writer.node('Conv', [x.name, weight, ...offset], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      dilations: [dilation, dilation],
      group: groups,
    })
    const reach = dilation * (kernel - 1) + 1
    return { name, dims: [x.dims[0] ?? 'N', outputs, ...slide(x, reach, stride, padding)] }
  }
}

/** The largest of each window of [N, C, H, W], without padding; `stride` defaults to the window's side. */
export function maxPool2d(kernel: number, stride = kernel): Layer {
  return (writer, x) => {
    checkRank(writer, 'maxPool2d', x, 4)
    const name = writer.node('MaxPool', [x.name], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
    })
    return { name, dims: [...x.dims.slice(0, 2), ...slide(x, kernel, stride, 0)] }
  }
}

/** The mean of each channel: [N, C, H, W] to [N, C]. */
export function globalAveragePool(): Layer {
  return (writer, x) => {
    checkRank(writer, 'globalAveragePool', x, 4)
    const axes = writer.constant(int64([2], [2, 3]))
    return { name: writer.node('ReduceMean', [x.name, axes], { keepdims: 0 }), dims: x.dims.slice(0, 2) }
  }
}

/** The mean over axis 1, the tokens: [N, T, W] to [N, W]. */
export function tokenMean(): Layer {
  return (writer, x) => {
    checkRank(writer, 'tokenMean', x, 3)
    const axes = writer.constant(int64([1], [1]))
    return {
      name: writer.node('ReduceMean', [x.name, axes], { keepdims: 0 }),
      dims: [x.dims[0] ?? 'N', x.dims[2] ?? 1],
    }
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

/**
 * Batch normalisation over [N, C, ...]: parameters `weight` and `bias`, buffers `running_mean` and `running_var`.
 *
 * @param options.momentum Share of the batch in the running statistics, as PyTorch counts it. Default 0.1.
 */
export function batchNorm2d(
  channels: number,
  options: { readonly momentum?: number; readonly epsilon?: number } = {},
): Layer {
  const { momentum = 0.1, epsilon = 1e-5 } = options
  return (writer, x) => {
    checkAxis(writer, 'batchNorm2d', x, 1, channels)
    const inputs = [
      x.name,
      writer.parameter('weight', [channels], 'ones'),
      writer.parameter('bias', [channels], 'zeros'),
      writer.buffer('running_mean', [channels], 'zeros'),
      writer.buffer('running_var', [channels], 'ones'),
    ]
    // ONNX's momentum is the share of the old statistics.
    const attributes = { epsilon: float(epsilon), momentum: float(1 - momentum) }
    return { name: writer.node('BatchNormalization', inputs, attributes), dims: x.dims }
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

/** The side lengths after a window of `reach` slid by `stride` over both spatial axes. */
function slide(x: Signal, reach: number, stride: number, padding: number): number[] {
  return x.dims.slice(2).map((side) => Math.floor((Number(side) + 2 * padding - reach) / stride) + 1)
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
