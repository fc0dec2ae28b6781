import { type Emitter, ints, reshape, transpose, type Value } from '../core/index.ts'
import { extent, padsOf, reach, type WindowAxis } from './windows.ts'

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
    strides: axes.map((axis) => axis.stride),
    dilations: axes.map((axis) => axis.dilation),
    pads: padsOf(axes),
    output_padding: axes.map((axis) => axis.input + axis.before + axis.after - reach(axis)),
    group: groups,
  })

/** With stride 1, a convolution with the kernel reversed and its channels swapped. */
export const byReversedKernel: InputGradient = (emit, dy, w, axes, groups) => {
  const [outputs = 1, perGroup = 1, ...kernel] = w.dims
  const grouped = reshape(emit, reversed(emit, w), [groups, outputs / groups, perGroup, ...kernel])
  const swapped = transpose(emit, grouped, [0, 2, 1, ...kernel.map((_, axis) => axis + 3)])
  return emit.op('Conv', [dy, reshape(emit, swapped, [groups * perGroup, outputs / groups, ...kernel])], {
    dilations: axes.map((axis) => axis.dilation),
    pads: padsOf(
      axes.map((axis) => ({ before: extent(axis) - 1 - axis.before, after: extent(axis) - 1 - axis.after })),
    ),
    group: groups,
  })
}

/** The kernel axes of `w` backwards. */
function reversed(emit: Emitter, w: Value): Value {
  const flipped = w.dims.flatMap((dim, axis) => (axis >= 2 && dim > 1 ? [axis] : []))
  if (flipped.length === 0) return w
  const same = (value: number) =>
    ints(
      emit,
      flipped.map(() => value),
    )
  return emit.op('Slice', [w, same(-1), same(-(2 ** 31)), ints(emit, flipped), same(-1)])
}
