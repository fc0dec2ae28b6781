import { sizeOf } from '../../tensor/tensor.ts'
import { blockedOp, intoBlocks, outOfBlocks, reshape, transpose } from '../core/index.ts'
import type { InputGradient } from './conv-input-gradient.ts'
import { folded, outputsFirst, unfolded } from './conv-matrix.ts'
import type { WeightGradient } from './conv-weight-gradient.ts'
import { outputSizes, type WindowAxis } from './windows.ts'

// Where planes have few positions all windows of the batch make one product (conv-matrix.ts). The runtime's blocked convolution of
// one place multiplies such shapes nearly twice as fast as MatMul, which packs the large side anew for a few rows.

const onePlace = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 }

/** Whether {@link byBlockedWindows} and {@link byBlockedWindowsBack} can do such a layer. */
export const multipliesWindows = (
  [samples = 1]: readonly number[],
  [outputs = 1]: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
  block: number,
): boolean =>
  axes.length === 2 &&
  groups === 1 &&
  outputs % block === 0 &&
  (samples * sizeOf(outputSizes(axes))) % block === 0

/** dW of few positions: all windows unfolded, and one blocked product whose result has the weights' own order. */
export const byBlockedWindows: WeightGradient = (emit, x, dy, axes) => {
  const block = emit.channelBlock
  if (block === undefined) throw new Error('Blocked sums need a block.')
  const channels = x.dims[1] ?? 1
  const [samples = 1, outputs = 1, ...positions] = dy.dims
  const windows = unfolded(emit, x, axes)
  const [contracted = 1, places = 1] = windows.dims
  const input = intoBlocks(emit, reshape(emit, windows, [1, contracted, places, 1]))
  const parted = reshape(emit, intoBlocks(emit, dy), [samples, outputs / block, sizeOf(positions) * block])
  const kernel = reshape(emit, transpose(emit, parted, [1, 0, 2]), [outputs, contracted, 1, 1])
  const sum = blockedOp(emit, 'Conv', [input, kernel], [1, outputs, places, 1], onePlace)
  return reshape(emit, outOfBlocks(emit, sum), [outputs, channels, ...axes.map(({ kernel }) => kernel)])
}

/** dX: the gradients of all windows in one blocked product, of which the weights are the input and dY the kernel. */
export const byBlockedWindowsBack =
  (block: number): InputGradient =>
  (emit, dy, w, axes) => {
    const [outputs = 1, ...rest] = w.dims
    const places = sizeOf(rest)
    const gradients = outputsFirst(emit, dy)
    const windows = gradients.dims[1] ?? 1
    const input = intoBlocks(emit, reshape(emit, w, [1, outputs, places, 1]))
    const parted = reshape(emit, gradients, [outputs / block, block, windows / block, block])
    const kernel = reshape(emit, transpose(emit, parted, [2, 0, 1, 3]), [windows, outputs, 1, 1])
    const product = blockedOp(emit, 'Conv', [input, kernel], [1, windows, places, 1], onePlace)
    return folded(emit, reshape(emit, outOfBlocks(emit, product), [windows, places]), w, axes)
  }
