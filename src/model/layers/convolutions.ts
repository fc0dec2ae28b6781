import { float } from '../../onnx/graph.ts'
import { int64 } from '../../tensor/tensor.ts'
import type { Initialisation } from './initialise.ts'
import { checkAxis, checkRank } from './layers.ts'
import type { Layer, Signal } from './network.ts'

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

/** The side lengths after a window of `reach` slid by `stride` over both spatial axes. */
function slide(x: Signal, reach: number, stride: number, padding: number): number[] {
  return x.dims.slice(2).map((side) => Math.floor((Number(side) + 2 * padding - reach) / stride) + 1)
}
