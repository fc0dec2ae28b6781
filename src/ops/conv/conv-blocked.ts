import type { Attributes } from '../../onnx/graph.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import {
  blockedOp,
  type Emitter,
  intoBlocks,
  outOfBlocks,
  reshape,
  transpose,
  type Value,
} from '../core/index.ts'
import type { InputGradient } from './conv-input-gradient.ts'
import { backwards } from './unfold.ts'
import { outputSizes, paddingBack, reversible, slidingOf, type WindowAxis } from './windows.ts'

// Convolutions by the runtime's blocked kernels, whose weights are [O / B, C / B, h, w, B, B] with outputs last, or of few channels
// [O / B, C, h, w, B]. The runtime arranges constant weights so by itself; those that train are arranged in the graph.

/** Below this many positions the plain forms are faster. */
const FEW_POSITIONS = 64

/** What is convolved, as far as the choice of form goes. */
interface Shapes {
  readonly type: Value['type']
  readonly channels: number
  readonly outputs: number
  readonly axes: readonly WindowAxis[]
  readonly groups: number
}

function convolves({ type, channels, outputs, axes, groups }: Shapes, block: number): boolean {
  const whole = channels % block === 0 || channels < block
  const fits = type === 'float32' && axes.length === 2 && groups === 1 && outputs % block === 0 && whole
  return fits && sizeOf(outputSizes(axes)) >= FEW_POSITIONS
}

/** Whether Y goes by blocks: whole blocks of outputs, and of channels unless they are a few plain ones. */
export const convolvesBlocked = (
  { type, dims: [, channels = 1] }: Pick<Value, 'type' | 'dims'>,
  [outputs = 1]: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
  block: number,
): boolean => convolves({ type, channels, outputs, axes, groups }, block)

/** Whether dX goes by blocks, as a convolution of dY with the kernel reversed. */
export function convolvesBlockedBack(
  [outputs = 1, channels = 1]: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
  block: number,
): boolean {
  const back = axes.map((axis) => ({ ...axis, input: axis.output, output: axis.input }))
  return (
    axes.every(({ stride }) => stride === 1) &&
    reversible(axes) &&
    outputs % block === 0 &&
    convolves({ type: 'float32', channels: outputs, outputs: channels, axes: back, groups }, block)
  )
}

/** Attributes of the runtime's blocked Conv, which has no defaults. */
export const blockedWindows = (axes: readonly WindowAxis[], groups: number): Attributes => ({
  kernel_shape: axes.map((axis) => axis.kernel),
  ...slidingOf(axes),
  group: groups,
})

/** Of the one that gives dX, over dY with its stride's zeros between. */
export const blockedWindowsBack = (axes: readonly WindowAxis[], groups: number): Attributes =>
  blockedWindows(
    axes.map((axis) => ({ ...axis, ...paddingBack(axis), stride: 1 })),
    groups,
  )

/** Y, with the bias. */
export function byBlocks(
  emit: Emitter,
  { x, w, bias }: { readonly x: Value; readonly w: Value; readonly bias: Value | undefined },
  axes: readonly WindowAxis[],
  block: number,
): Value {
  const [samples = 1, channels = 1] = x.dims
  const [outputs = 1] = w.dims
  const input = channels % block === 0 ? intoBlocks(emit, x) : x
  const inputs = [input, blockedWeights(emit, w, block), bias]
  const dims = [samples, outputs, ...outputSizes(axes)]
  return outOfBlocks(emit, blockedOp(emit, 'Conv', inputs, dims, blockedWindows(axes, 1)))
}

/** dX by {@link convolvesBlockedBack}. */
export const byBlocksBack =
  (block: number): InputGradient =>
  (emit, dy, w, axes) => {
    const [samples = 1] = dy.dims
    const channels = w.dims[1] ?? 1
    const inputs = [intoBlocks(emit, dy), reversedWeights(emit, w, block)]
    const dims = [samples, channels, ...axes.map(({ input }) => input)]
    return outOfBlocks(emit, blockedOp(emit, 'Conv', inputs, dims, blockedWindowsBack(axes, 1)))
  }

/** [O, C, h, w] as the kernels read them. The runtime's reordering moves outputs last many times faster than Transpose does. */
function blockedWeights(emit: Emitter, w: Value, block: number): Value {
  const [outputs = 1, channels = 1, ...kernel] = w.dims
  const places = sizeOf(kernel)
  const last = intoBlocks(emit, reshape(emit, w, [1, outputs, channels * places, 1]))
  if (channels % block !== 0) return reshape(emit, last, w.dims)
  const parted = reshape(emit, last, [(outputs * channels) / block ** 2, block, places, block])
  return reshape(emit, transpose(emit, parted, [0, 2, 1, 3]), w.dims)
}

/** The weights of dX, [C, O, h, w] with the kernel backwards, as the kernels read them. */
function reversedWeights(emit: Emitter, w: Value, block: number): Value {
  const [outputs = 1, channels = 1, ...kernel] = w.dims
  const places = sizeOf(kernel)
  const last = intoBlocks(emit, reshape(emit, w, [outputs, channels, places, 1]))
  const parted = reshape(emit, last, [outputs / block, block, channels / block, places, block])
  const swapped = transpose(emit, backwards(emit, parted, [3]), [2, 0, 3, 1, 4])
  return reshape(emit, swapped, [channels, outputs, ...kernel])
}
