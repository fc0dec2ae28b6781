import { type Emitter, ints, reshape, type Value } from '../core/index.ts'
import type { Convolution } from './conv-matrix.ts'
import { slidingOf } from './windows.ts'

// WebGPU's kernels of Conv take channels by threes and outputs by twos and fours, and are wrong, without a word, for dims below; found by
// scripts/webgpu-shapes.ts.

/** How many outputs a shader takes at a time: as many as divide those of all groups. */
const together = (outputs: number): number => (outputs % 4 === 0 ? 4 : outputs % 2 === 0 ? 2 : 1)

/** Channels by threes where there are several threes and no fours. */
const inThrees = ([outputs = 1, channels = 1]: readonly number[]): boolean =>
  outputs % 4 === 0 && channels > 3 && channels % 3 === 0 && channels % 4 !== 0

/** Outputs that are taken together though they are of two groups. */
const acrossGroups = ([outputs = 1]: readonly number[], groups: number): boolean =>
  outputs / groups >= 4 && (outputs / groups) % together(outputs) !== 0

/** Whether a device computes a convolution with weights of these dims, [O, C / groups, kernel..], wrongly. */
export const misconvolved = (w: readonly number[], groups: number): boolean =>
  groups === 1 ? inThrees(w) : acrossGroups(w, groups)

/** The same with channels, or each group's outputs, of zeros beside its own up to a multiple of four. */
export const besideZeros: Convolution = (emit, x, w, axes, groups) => {
  const [outputs = 1, perGroup = 1, ...kernel] = w.dims
  const windows = { group: groups, ...slidingOf(axes) }
  if (groups === 1) {
    const more = 4 - (perGroup % 4)
    return emit.op('Conv', [widened(emit, x, more), widened(emit, w, more)], windows)
  }
  const own = outputs / groups
  const wide = own + 4 - (own % 4)
  const grouped = widened(emit, reshape(emit, w, [groups, own, perGroup, ...kernel]), wide - own)
  const y = emit.op('Conv', [x, reshape(emit, grouped, [groups * wide, perGroup, ...kernel])], windows)
  const [samples = 1, , ...spatial] = y.dims
  const split = reshape(emit, y, [samples, groups, wide, ...spatial])
  const kept = emit.op('Slice', [split, ints(emit, [0]), ints(emit, [own]), ints(emit, [2])])
  return reshape(emit, kept, [samples, outputs, ...spatial])
}

/** So many zeros more along the second axis. */
function widened(emit: Emitter, value: Value, more: number): Value {
  const rank = value.dims.length
  const pads = Array.from({ length: 2 * rank }, (_, at) => (at === rank + 1 ? more : 0))
  return emit.op('Pad', [value, ints(emit, pads)])
}
