import { count } from '../../count.ts'
import { UsageError } from '../../errors.ts'
import type { Model } from '../model.ts'
import { batchNorm2d, conv2d, globalAveragePool, maxPool2d } from './convolutions.ts'
import { flatten, gelu, linear, relu, residual, sequential, tanh } from './layers.ts'
import { classNames, type Layer, network } from './network.ts'

export interface Seeded {
  /** Of the initialisation. Default 0. */
  readonly seed?: number
  /** How many classes, or their names. */
  readonly classes?: number | readonly string[]
}

/**
 * One linear layer on an image of 784 pixels (given flat or as [28, 28]): the article's `SimpleModel`. Parameters
 * `fc.weight` [10, 784] and `fc.bias`.
 *
 * @example
 * const model = simpleModel({ seed: 1 })
 */
export function simpleModel(options: Seeded = {}): Model {
  const classes = classNames(options.classes ?? 10)
  return network({
    name: 'simple-model',
    inputDims: [784],
    layer: sequential({ flatten: flatten(), fc: linear(784, classes.length) }),
    classes,
    seed: options.seed ?? 0,
  })
}

const activations = { relu, tanh, gelu } satisfies Record<string, () => Layer>

export interface MlpOptions extends Seeded {
  /** Units from the input to the logits: [784, 400, 400, 10]. */
  readonly widths: readonly number[]
  /** Between the layers; default relu. */
  readonly activation?: keyof typeof activations
}

/**
 * Linear layers with an activation between them. Samples of any dims with widths[0] elements are flattened. Parameters
 * are called as in PyTorch's Sequential, where activations count: `layers.0.weight`, `layers.2.weight`, ….
 *
 * @throws UsageError `widths` for fewer than two, or when the last is not the number of classes.
 * @example
 * const model = mlp({ widths: [784, 400, 400, 10], seed: 1 })
 */
export function mlp(options: MlpOptions): Model {
  const { widths, activation = 'relu', seed = 0 } = options
  const [inputs, ...rest] = widths
  const last = rest.at(-1)
  const classes = classNames(options.classes ?? last ?? 1)
  if (inputs === undefined || last === undefined || last !== classes.length) {
    throw new UsageError(
      'widths',
      `An mlp takes the widths of its layers from the input to ${count(classes.length, 'class')}, but got [${widths}].`,
    )
  }
  const layers = rest.flatMap((width, index) => {
    const layer = linear(widths[index] ?? inputs, width)
    return index === 0 ? [layer] : [activations[activation](), layer]
  })
  return network({
    name: 'mlp',
    inputDims: [inputs],
    layer: sequential({ flatten: flatten(), layers: sequential(layers) }),
    classes,
    seed,
  })
}

export interface CnnOptions extends Seeded {
  /** Width of each stage; all but the first halve the image. Default [16, 32, 64]. */
  readonly channels?: readonly number[]
  /** Residual blocks in each stage. Default 1. */
  readonly blocks?: number
  /** [channels, height, width]. Default [3, 32, 32]. */
  readonly inputDims?: readonly [number, number, number]
}

/**
 * A residual network for small images, [N, C, H, W] (He et al. 2016, their form for CIFAR): a convolution, stages of
 * residual blocks with batch normalisation, global mean, linear. Parameters are called as in torchvision's ResNet.
 *
 * @example
 * const model = cnn({ channels: [16, 32, 64], classes: 10, inputDims: [3, 32, 32], seed: 1 })
 */
export function cnn(options: CnnOptions = {}): Model {
  const { channels = [16, 32, 64], blocks = 1, inputDims = [3, 32, 32], seed = 0 } = options
  const classes = classNames(options.classes ?? 10)
  const [first] = channels
  const last = channels.at(-1)
  if (first === undefined || last === undefined) {
    throw new UsageError('channels', 'A cnn takes the channels of one stage or more, but got none.')
  }
  const stages = channels.map((width, stage): [string, Layer] => {
    const before = channels[stage - 1] ?? first
    const parts = Array.from({ length: blocks }, (_, block) =>
      block === 0 ? basicBlock(before, width, stage === 0 ? 1 : 2) : basicBlock(width, width, 1),
    )
    return [`layer${stage + 1}`, sequential(parts)]
  })
  return network({
    name: 'cnn',
    inputDims,
    layer: sequential({
      conv1: convolution(inputDims[0], first, 1),
      bn1: batchNorm2d(first),
      relu: relu(),
      ...Object.fromEntries(stages),
      pool: globalAveragePool(),
      fc: linear(last, classes.length),
    }),
    classes,
    seed,
  })
}

const convolution = (inputs: number, outputs: number, stride: number): Layer =>
  conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false, start: 'kaiming-normal' })

function basicBlock(inputs: number, outputs: number, stride: number): Layer {
  const body = sequential({
    conv1: convolution(inputs, outputs, stride),
    bn1: batchNorm2d(outputs),
    relu: relu(),
    conv2: convolution(outputs, outputs, 1),
    bn2: batchNorm2d(outputs),
  })
  const downsample = sequential([
    conv2d(inputs, outputs, 1, { stride, bias: false, start: 'kaiming-normal' }),
    batchNorm2d(outputs),
  ])
  const changes = stride !== 1 || inputs !== outputs
  return (writer, x) => {
    const sum = residual(body, changes ? sequential({ downsample }) : undefined)(writer, x)
    return relu()(writer, sum)
  }
}

/**
 * Five 3x3 convolutions with ReLU, pooled after the second and fourth, global mean, linear: the network of the
 * convolution benchmarks.
 *
 * @param options.channels Outputs of the five convolutions. Default [32, 32, 64, 64, 128], the benchmark's `cnn-small`.
 * @example
 * const model = plainCnn({ inputDims: [1, 28, 28], classes: 10 })
 */
export function plainCnn(
  options: Seeded & {
    readonly channels?: readonly [number, number, number, number, number]
    readonly inputDims?: readonly [number, number, number]
  } = {},
): Model {
  const { channels = [32, 32, 64, 64, 128], inputDims = [3, 32, 32], seed = 0 } = options
  const classes = classNames(options.classes ?? 10)
  const inputs = [inputDims[0], ...channels]
  const layers = channels.flatMap((outputs, index) => [
    conv2d(inputs[index] ?? 1, outputs, 3, { padding: 1 }),
    relu(),
    ...(index === 1 || index === 3 ? [maxPool2d(2)] : []),
  ])
  // Flat already, but counted, so that the last layer is called 14 as in PyTorch's Sequential.
  const head = [globalAveragePool(), flatten(), linear(channels[4], classes.length)]
  return network({
    name: 'plain-cnn',
    inputDims,
    layer: sequential([...layers, ...head]),
    classes,
    seed,
  })
}
