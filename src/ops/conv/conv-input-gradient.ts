import { type Emitter, reshape, transpose, type Value } from '../core/index.ts'
import { backwards } from './unfold.ts'
import { paddingBack, padsOf, reach, slidingOf, type WindowAxis } from './windows.ts'

/** dX of a convolution, [N, C, ..], from dY [N, O, ..] and W [O, C / groups, kernel..]. */
export type InputGradient = (
  emit: Emitter,
  dy: Value,
  w: Value,
  axes: readonly WindowAxis[],
  groups: number,
) => Value

/** ConvTranspose with the same weights; what the stride leaves over at the end is output_padding. */
export const byTransposedConvolution: InputGradient = (emit, dy, w, axes, groups) =>
  emit.op('ConvTranspose', [dy, w], {
    ...slidingOf(axes),
    output_padding: axes.map((axis) => axis.input + axis.before + axis.after - reach(axis)),
    group: groups,
  })

/** With stride 1, a convolution with the kernel reversed and its channels swapped. */
export const byReversedKernel: InputGradient = (emit, dy, w, axes, groups) => {
  const [outputs = 1, perGroup = 1, ...kernel] = w.dims
  const reversed = backwards(
    emit,
    w,
    kernel.map((_, axis) => axis + 2),
  )
  const grouped = reshape(emit, reversed, [groups, outputs / groups, perGroup, ...kernel])
  const swapped = transpose(emit, grouped, [0, 2, 1, ...kernel.map((_, axis) => axis + 3)])
  return emit.op('Conv', [dy, reshape(emit, swapped, [groups * perGroup, outputs / groups, ...kernel])], {
    dilations: axes.map((axis) => axis.dilation),
    pads: padsOf(axes.map(paddingBack)),
    group: groups,
  })
}
