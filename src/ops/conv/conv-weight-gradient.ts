import { itemAt } from '../../required.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import { concat, type Emitter, reduceSum, reshape, swapLast, transpose, type Value } from '../core/index.ts'
import { kernelPlaces, padAxes, padForWindows, sliceAxes, windowSlices } from './unfold.ts'
import { outputSizes, paddingReached, reach, type WindowAxis } from './windows.ts'

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

const kernelOf = (axes: readonly WindowAxis[]): number[] => axes.map((axis) => axis.kernel)

const swapFirstTwo = (emit: Emitter, x: Value): Value =>
  transpose(
    emit,
    x,
    x.dims.map((_, axis) => (axis < 2 ? 1 - axis : axis)),
  )

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
  return placesLast(emit, product, outputs, channels / groups, kernelOf(axes))
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
 * Each sample's own product, [N, groups, O / groups, kernel places C / groups]: dY_n (unfolded X_n)^T. Squares are taken of
 * these; their sum over the samples is dW.
 */
export function productsBySample(
  emit: Emitter,
  x: Value,
  dy: Value,
  axes: readonly WindowAxis[],
  groups: number,
): Value {
  const [samples = 1, channels = 1] = x.dims
  const outputs = dy.dims[1] ?? 1
  const positions = sizeOf(outputSizes(axes))
  const places = windowSlices(emit, x, axes).map((slice) =>
    reshape(emit, slice, [samples, groups, channels / groups, positions]),
  )
  const d = reshape(emit, dy, [samples, groups, outputs / groups, positions])
  return emit.op('MatMul', [d, swapLast(emit, concat(emit, places, 2))])
}

/** The sum of each sample's own product: nothing but the unfolded input is copied. For few channels. */
export const bySamples: WeightGradient = (emit, x, dy, axes, groups) => {
  const perSample = productsBySample(emit, x, dy, axes, groups)
  const [outputs = 1, channels = 1] = [dy.dims[1], (x.dims[1] ?? 1) / groups]
  return placesLast(emit, reduceSum(emit, perSample, [0]), outputs, channels, kernelOf(axes))
}

/**
 * Unfolded by one Gather along the positions, channels last, so that each index copies all channels at once: one pass
 * where slices and their concatenation make two. One group.
 */
export const byGathering: WeightGradient = (emit, x, dy, axes) => {
  const [samples = 1, channels = 1] = x.dims
  const outputs = dy.dims[1] ?? 1
  const last = channelsLast(emit, x, axes)
  const sizes = last.dims.slice(1, -1)
  const indices = gatherIndices(axes, sizes)
  const flat = reshape(emit, last, [samples, sizeOf(sizes), channels])
  const unfolded = emit.op('Gather', [flat, indexConstant(emit, indices)], { axis: 1 })
  const contracted = samples * sizeOf(outputSizes(axes))
  const product = emit.op('MatMul', [
    reshape(emit, swapFirstTwo(emit, dy), [outputs, contracted]),
    reshape(emit, unfolded, [contracted, (indices.length * samples * channels) / contracted]),
  ])
  return placesLast(emit, product, outputs, channels, kernelOf(axes))
}

/**
 * With stride 1, two spatial dims, one group: the input is unfolded along its rows only, and dY is moved down by one row
 * more for each row of the kernel. Copies of kernel width plus kernel height instead of width times height, and the large
 * side of each product on the left, where ONNX Runtime reads it as it lies.
 */
export const byShifting: WeightGradient = (emit, x, dy, axes, groups) => {
  const [rows, columns] = axes
  if (!rows || !columns) return byUnfolding(emit, x, dy, axes, groups)
  const [samples = 1, channels = 1] = x.dims
  const outputs = dy.dims[1] ?? 1
  const height = reach(rows)
  const positions = height * columns.output
  const shifted = Array.from({ length: columns.kernel }, (_, at) => {
    const before = columns.before - at * columns.dilation
    const after = columns.output - columns.input - before
    return padAxes(emit, x, 2, [
      [rows.before, height - rows.input - rows.before],
      [before, after],
    ])
  })
  const left = reshape(emit, concat(emit, shifted, 1), [samples, columns.kernel * channels, positions])
  const products = Array.from({ length: rows.kernel }, (_, at) => {
    const down = at * rows.dilation
    const moved = padAxes(emit, dy, 2, [[down, height - rows.output - down]])
    const right = swapLast(emit, reshape(emit, moved, [samples, outputs, positions]))
    const summed = reduceSum(emit, emit.op('MatMul', [left, right]), [0])
    return reshape(emit, summed, [1, columns.kernel, channels, outputs])
  })
  return transpose(emit, concat(emit, products, 0), [3, 2, 0, 1])
}

/** [N, ..padded.., C] */
function channelsLast(emit: Emitter, x: Value, axes: readonly WindowAxis[]): Value {
  const perm = [0, ...axes.map((_, axis) => axis + 2), 1]
  return padForWindows(emit, transpose(emit, x, perm), axes, 1)
}

/** For every window, then every place of the kernel: which of the padded positions, flattened, is read. */
function gatherIndices(axes: readonly WindowAxis[], sizes: readonly number[]): number[] {
  const places = kernelPlaces(kernelOf(axes))
  return kernelPlaces(outputSizes(axes)).flatMap((window) =>
    places.map((place) =>
      axes.reduce(
        (flat, axis, at) =>
          flat * (sizes[at] ?? 1) +
          itemAt(window, at, 'window') * axis.stride +
          itemAt(place, at, 'place') * axis.dilation,
        0,
      ),
    ),
  )
}

const indexConstant = (emit: Emitter, indices: readonly number[]): Value =>
  emit.constant({ type: 'int32', dims: [indices.length], data: Int32Array.from(indices) })
