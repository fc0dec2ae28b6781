import { sizeOf } from '../tensor/tensor.ts'
import type { Emitter, Value } from './define.ts'
import { reshape, swapLast, transpose } from './emit.ts'
import { padAxes, sliceAxes, windowSlices } from './unfold.ts'
import { outputSizes, paddingReached, type WindowAxis } from './windows.ts'

/**
 * dW of a convolution, [O, C / groups, kernel..], from its input [N, C, ..] and dY [N, O, ..]:
 * dW[o, c, k] = sum over n, p of dY[n, o, p] X[n, c, p stride + k dilation - before].
 */
export type WeightGradient = (
  emit: Emitter,
  x: Value,
  dy: Value,
  axes: readonly WindowAxis[],
  groups: number,
) => Value

const swapFirstTwo = (emit: Emitter, x: Value): Value =>
  transpose(
    emit,
    x,
    x.dims.map((_, axis) => (axis < 2 ? 1 - axis : axis)),
  )

const concat = (emit: Emitter, parts: readonly Value[], axis: number): Value => {
  const [only] = parts
  return parts.length === 1 && only ? only : emit.op('Concat', parts, { axis })
}

/** [.., kernel places, C / groups] to [O, C / groups, kernel..]. */
export function placesLast(
  emit: Emitter,
  product: Value,
  outputs: number,
  channels: number,
  kernel: readonly number[],
): Value {
  const byPlace = reshape(emit, product, [outputs, sizeOf(kernel), channels])
  return reshape(emit, transpose(emit, byPlace, [0, 2, 1]), [outputs, channels, ...kernel])
}

/** The unfolded input times dY in one product (one a group): any stride, dilation, padding and rank. */
export const byUnfolding: WeightGradient = (emit, x, dy, axes, groups) => {
  const [samples = 1, channels = 1] = x.dims
  const outputs = dy.dims[1] ?? 1
  const contracted = samples * sizeOf(outputSizes(axes))
  const places = windowSlices(emit, swapFirstTwo(emit, x), axes).map((slice) =>
    reshape(emit, slice, [groups, channels / groups, contracted]),
  )
  const d = reshape(emit, swapFirstTwo(emit, dy), [groups, outputs / groups, contracted])
  const product = emit.op('MatMul', [d, swapLast(emit, concat(emit, places, 1))])
  return placesLast(
    emit,
    product,
    outputs,
    channels / groups,
    axes.map((axis) => axis.kernel),
  )
}

/**
 * As a convolution: samples and channels trade places, dY is the kernel, and strides and dilations trade places. Input
 * [C / groups, groups N, ..], kernel [O, N, ..].
 */
export const bySwappedConvolution: WeightGradient = (emit, x, dy, axes, groups) => {
  const [samples = 1, channels = 1, ...spatial] = x.dims
  const outputs = dy.dims[1] ?? 1
  const perGroup = channels / groups
  const grouped = reshape(emit, x, [samples, groups, perGroup, ...spatial])
  const input = reshape(emit, transpose(emit, grouped, [2, 1, 0, ...spatial.map((_, axis) => axis + 3)]), [
    perGroup,
    groups * samples,
    ...spatial,
  ])
  const result = emit.op('Conv', [input, swapFirstTwo(emit, dy)], {
    strides: axes.map((axis) => axis.dilation),
    dilations: axes.map((axis) => axis.stride),
    pads: [...axes.map((axis) => axis.before), ...axes.map(paddingReached)],
    group: groups,
  })
  const cropped = sliceAxes(
    emit,
    result,
    2,
    axes.map((axis) => ({ start: 0, count: axis.kernel, step: 1 })),
  )
  const kernel = axes.map((axis) => axis.kernel)
  return swapFirstTwo(emit, reshape(emit, cropped, [perGroup, outputs, ...kernel]))
}

/**
 * With vertical stride 1, in one or two spatial dims: the input is unfolded along its rows only, and dY is put under
 * itself once a kernel row, moved down by as many rows. One product then gives every place of the kernel, from copies of
 * kernel width plus kernel height instead of width times height.
 */
export const byShifting: WeightGradient = (emit, x, dy, axes) => {
  const [samples = 1, channels = 1] = x.dims
  const outputs = dy.dims[1] ?? 1
  const columns = axes.at(-1)
  const rows = axes.length > 1 ? axes[0] : undefined
  if (!columns) return byUnfolding(emit, x, dy, axes, 1)
  const heightless = axes.length === 1
  const height = rows ? rows.output : 1
  const input = heightless ? reshape(emit, x, [samples, channels, 1, columns.input]) : x
  const d = heightless ? reshape(emit, dy, [samples, outputs, 1, columns.output]) : dy
  const kernelRows = rows?.kernel ?? 1
  const dilation = rows?.dilation ?? 1
  const paddedHeight = height + (kernelRows - 1) * dilation
  const contracted = samples * paddedHeight * columns.output
  const verticalPad: readonly [number, number] = rows ? [rows.before, paddingReached(rows)] : [0, 0]
  const last = padAxes(emit, transpose(emit, input, [0, 2, 3, 1]), 1, [
    verticalPad,
    [columns.before, paddingReached(columns)],
  ])
  const unfolded = Array.from({ length: columns.kernel }, (_, at) =>
    sliceAxes(emit, last, 2, [{ start: at * columns.dilation, count: columns.output, step: columns.stride }]),
  )
  const byOutput = swapFirstTwo(emit, d)
  const moved = Array.from({ length: kernelRows }, (_, at) =>
    padAxes(emit, byOutput, 2, [[at * dilation, (kernelRows - 1 - at) * dilation]]),
  )
  const left = reshape(emit, concat(emit, moved, 0), [kernelRows * outputs, contracted])
  const right = reshape(emit, concat(emit, unfolded, 3), [contracted, columns.kernel * channels])
  const product = reshape(emit, emit.op('MatMul', [left, right]), [
    kernelRows,
    outputs,
    columns.kernel,
    channels,
  ])
  return reshape(emit, transpose(emit, product, [1, 3, 0, 2]), [
    outputs,
    channels,
    ...axes.map((axis) => axis.kernel),
  ])
}
