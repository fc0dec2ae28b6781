import { sizeOf } from '../../tensor/tensor.ts'
import { blockedOp, type Emitter, intoBlocks, outOfBlocks, reshape, type Value } from '../core/index.ts'
import { blockedWindows, blockedWindowsBack } from './conv-blocked.ts'
import type { InputGradient } from './conv-input-gradient.ts'
import { backwards, padAxes } from './unfold.ts'
import { outputSizes, reversible, type WindowAxis } from './windows.ts'

// Depthwise convolutions by the runtime's blocked kernel, whose weights are [C / B, h, w, B].

/** Whether Y goes by blocks: each channel by itself, in whole blocks of them. */
export const depthwiseBlocked = (
  type: Value['type'],
  [outputs = 1, perGroup = 1]: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
  block: number,
): boolean =>
  type === 'float32' && axes.length === 2 && perGroup === 1 && outputs === groups && groups % block === 0

/** Whether dX does, too: windows reach to the end of the input, and none lies in the padding before it. */
export const depthwiseBlockedBack = (
  w: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
  block: number,
): boolean => depthwiseBlocked('float32', w, axes, groups, block) && reversible(axes)

/** [C, 1, h, w] as [C / B, h w, B]. */
const placesOfBlocks = (emit: Emitter, w: Value, block: number): Value => {
  const [channels = 1, , ...kernel] = w.dims
  const places = sizeOf(kernel)
  const last = intoBlocks(emit, reshape(emit, w, [1, channels, places, 1]))
  return reshape(emit, last, [channels / block, places, block])
}

/** Y, with the bias. */
export function byDepthwiseBlocks(
  emit: Emitter,
  { x, w, bias }: { readonly x: Value; readonly w: Value; readonly bias: Value | undefined },
  axes: readonly WindowAxis[],
  block: number,
): Value {
  const [samples = 1, channels = 1] = x.dims
  const weights = reshape(emit, placesOfBlocks(emit, w, block), w.dims)
  const inputs = [intoBlocks(emit, x), weights, bias]
  const dims = [samples, channels, ...outputSizes(axes)]
  return outOfBlocks(emit, blockedOp(emit, 'Conv', inputs, dims, blockedWindows(axes, channels)))
}

/** dX: the kernel reversed over dY, between whose positions zeros are put where windows had a stride. */
export const byDepthwiseBlocksBack =
  (block: number): InputGradient =>
  (emit, dy, w, axes) => {
    const [samples = 1, channels = 1] = dy.dims
    const reversed = backwards(emit, placesOfBlocks(emit, w, block), [1])
    const inputs = [spaced(emit, intoBlocks(emit, dy), axes, block), reshape(emit, reversed, w.dims)]
    const dims = [samples, channels, ...axes.map(({ input }) => input)]
    return outOfBlocks(emit, blockedOp(emit, 'Conv', inputs, dims, blockedWindowsBack(axes, channels)))
  }

/** Behind each position as many zeros as the stride leaves out. */
function spaced(emit: Emitter, dy: Value, axes: readonly WindowAxis[], block: number): Value {
  const [samples = 1, channels = 1, height = 1, width = 1] = dy.dims
  const [down = 1, along = 1] = axes.map(({ stride }) => stride)
  const apart = reshape(emit, dy, [(samples * channels * height) / block, 1, width, block])
  const zeros = padAxes(emit, apart, 1, [
    [0, down - 1],
    [0, 0],
    [0, (along - 1) * block],
  ])
  return reshape(emit, zeros, [samples, channels, height * down, width * along])
}
