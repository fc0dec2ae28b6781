import { itemAt } from '../../required.ts'
import { float32, sizeOf } from '../../tensor/tensor.ts'
import { concat, type Emitter, matmul, reshape, swapLast, transpose, type Value } from '../core/index.ts'
import type { InputGradient } from './conv-input-gradient.ts'
import { byUnfolding, type WeightGradient } from './conv-weight-gradient.ts'
import { kernelPlaces, padAxes, sliceAxes } from './unfold.ts'
import { outputSizes, paddingReached, type WindowAxis } from './windows.ts'

// Convolutions as products with a constant matrix that says which input position each window reads at which place of the
// kernel: for few positions, where ONNX Runtime's Conv makes many small products of them.

/** Y of a convolution, [N, O, ..], from its input [N, C, ..] and W [O, C / groups, kernel..]. */
export type Convolution = (
  emit: Emitter,
  x: Value,
  w: Value,
  axes: readonly WindowAxis[],
  groups: number,
) => Value

interface Places {
  /** Input positions Q, output positions P, places of the kernel K. */
  readonly inputs: number
  readonly outputs: number
  readonly places: number
}

const placesOf = (axes: readonly WindowAxis[]): Places => ({
  inputs: sizeOf(axes.map((axis) => axis.input)),
  outputs: sizeOf(outputSizes(axes)),
  places: sizeOf(axes.map((axis) => axis.kernel)),
})

/** How many elements the constant matrix has. */
export function readingSize(axes: readonly WindowAxis[]): number {
  const { inputs, outputs, places } = placesOf(axes)
  return inputs * outputs * places
}

/** Calls `visit` with every (input position, output position, kernel place) that belong together. */
function eachReading(
  axes: readonly WindowAxis[],
  visit: (input: number, output: number, place: number) => void,
): void {
  const kernel = axes.map((axis) => axis.kernel)
  for (const [output, window] of kernelPlaces(outputSizes(axes)).entries()) {
    for (const [index, place] of kernelPlaces(kernel).entries()) {
      const read = axes.map(
        (axis, at) =>
          itemAt(window, at, 'window') * axis.stride +
          itemAt(place, at, 'place') * axis.dilation -
          axis.before,
      )
      if (read.some((position, at) => position < 0 || position >= itemAt(axes, at, 'axis').input)) continue
      visit(
        read.reduce((flat, position, at) => flat * (axes[at]?.input ?? 1) + position, 0),
        output,
        index,
      )
    }
  }
}

/** [Q, P K]: column (p, k) is 1 at the input position that window p reads at place k, 0 all over where that is padding. */
function unfoldingMatrix(emit: Emitter, axes: readonly WindowAxis[]): Value {
  const { inputs, outputs, places } = placesOf(axes)
  const matrix = float32([inputs, outputs * places])
  eachReading(axes, (input, output, place) => {
    matrix.data[(input * outputs + output) * places + place] = 1
  })
  return emit.constant(matrix)
}

/** [K, Q P]: what each place of the kernel adds to the matrix [Q, P] that takes inputs to outputs. */
function kernelMatrix(emit: Emitter, axes: readonly WindowAxis[]): Value {
  const { inputs, outputs, places } = placesOf(axes)
  const matrix = float32([places, inputs * outputs])
  eachReading(axes, (input, output, place) => {
    matrix.data[(place * inputs + input) * outputs + output] = 1
  })
  return emit.constant(matrix)
}

/** Whether each window reads the one position it stands at. */
const readsAll = (axes: readonly WindowAxis[]): boolean =>
  axes.every((axis) => axis.kernel === 1 && axis.input === axis.output && axis.before === 0)

/** The windows of all samples, [N P, C K], by one product with a constant. */
export function unfolded(emit: Emitter, x: Value, axes: readonly WindowAxis[]): Value {
  const [samples = 1, channels = 1] = x.dims
  const { inputs, outputs, places } = placesOf(axes)
  const windows = matmul(emit, reshape(emit, x, [samples * channels, inputs]), unfoldingMatrix(emit, axes))
  const byWindow = transpose(emit, reshape(emit, windows, [samples, channels, outputs, places]), [0, 2, 1, 3])
  return reshape(emit, byWindow, [samples * outputs, channels * places])
}

/** [N, O, ..] to [O, N P]. */
export const outputsFirst = (emit: Emitter, y: Value): Value => {
  const [samples = 1, outputs = 1] = y.dims
  const positions = sizeOf(y.dims.slice(2))
  const grouped = transpose(emit, reshape(emit, y, [samples, outputs, positions]), [1, 0, 2])
  return reshape(emit, grouped, [outputs, samples * positions])
}

/** Y = W U^T in one product over all samples, where Conv makes one a sample. One group. */
export const byOneProduct: Convolution = (emit, x, w, axes) => {
  const [samples = 1] = x.dims
  const [outputs = 1] = w.dims
  const flat = reshape(emit, w, [outputs, sizeOf(w.dims) / outputs])
  const product = matmul(emit, flat, swapLast(emit, unfolded(emit, x, axes)))
  const { outputs: positions } = placesOf(axes)
  const grouped = transpose(emit, reshape(emit, product, [outputs, samples, positions]), [1, 0, 2])
  return reshape(emit, grouped, [samples, outputs, ...outputSizes(axes)])
}

/** dX: all windows' gradients dY W in one product, folded back by the constant matrix. One group. */
export const byOneProductBack: InputGradient = (emit, dy, w, axes) => {
  const flat = reshape(emit, w, [w.dims[0] ?? 1, sizeOf(w.dims.slice(1))])
  return folded(emit, matmul(emit, swapLast(emit, outputsFirst(emit, dy)), flat), w, axes)
}

/** dX from the gradients of all windows, [N P, C K]. */
export function folded(emit: Emitter, windows: Value, w: Value, axes: readonly WindowAxis[]): Value {
  const channels = w.dims[1] ?? 1
  const { outputs: positions, places } = placesOf(axes)
  const samples = (windows.dims[0] ?? 1) / positions
  const byChannel = transpose(
    emit,
    reshape(emit, windows, [samples, positions, channels, places]),
    [0, 2, 1, 3],
  )
  const spread = reshape(emit, byChannel, [samples * channels, positions * places])
  const sums = readsAll(axes) ? spread : matmul(emit, spread, swapLast(emit, unfoldingMatrix(emit, axes)))
  return reshape(emit, sums, [samples, channels, ...axes.map((axis) => axis.input)])
}

/** dW = dY U in one product that has the weights' own order. One group. */
export const byUnfoldingMatrix: WeightGradient = (emit, x, dy, axes) => {
  const channels = x.dims[1] ?? 1
  const outputs = dy.dims[1] ?? 1
  const product = matmul(emit, outputsFirst(emit, dy), unfolded(emit, x, axes))
  return reshape(emit, product, [outputs, channels, ...axes.map((axis) => axis.kernel)])
}

/** [N, C, ..] to [C, N, positions]. */
function channelsFirst(emit: Emitter, x: Value): Value {
  const [samples = 1, channels = 1, ...spatial] = x.dims
  return transpose(emit, reshape(emit, x, [samples, channels, sizeOf(spatial)]), [1, 0, 2])
}

/** [C, N, positions] to [N, C, ..]. */
function samplesFirst(emit: Emitter, x: Value, spatial: readonly number[]): Value {
  const [channels = 1, samples = 1] = x.dims
  return reshape(emit, transpose(emit, x, [1, 0, 2]), [samples, channels, ...spatial])
}

/** Depthwise: each channel's matrix [Q, P] from inputs to outputs. */
function channelMatrices(emit: Emitter, w: Value, axes: readonly WindowAxis[]): Value {
  const { inputs, outputs, places } = placesOf(axes)
  const channels = w.dims[0] ?? 1
  const flat = matmul(emit, reshape(emit, w, [channels, places]), kernelMatrix(emit, axes))
  return reshape(emit, flat, [channels, inputs, outputs])
}

/** Depthwise: a product a channel over all samples, where Conv makes one a channel and sample. */
export const byChannelMatrices: Convolution = (emit, x, w, axes) =>
  samplesFirst(emit, matmul(emit, channelsFirst(emit, x), channelMatrices(emit, w, axes)), outputSizes(axes))

/** dX of {@link byChannelMatrices}. */
export const byChannelMatricesBack: InputGradient = (emit, dy, w, axes) =>
  samplesFirst(
    emit,
    matmul(emit, channelsFirst(emit, dy), swapLast(emit, channelMatrices(emit, w, axes))),
    axes.map((axis) => axis.input),
  )

/** dW of {@link byChannelMatrices}: of each channel's X^T dY the entries that share a weight, summed. */
export const byChannelProducts: WeightGradient = (emit, x, dy, axes) => {
  const channels = x.dims[1] ?? 1
  const { inputs, outputs } = placesOf(axes)
  const products = matmul(emit, swapLast(emit, channelsFirst(emit, x)), channelsFirst(emit, dy))
  const flat = reshape(emit, products, [channels, inputs * outputs])
  const summed = matmul(emit, flat, swapLast(emit, kernelMatrix(emit, axes)))
  return reshape(emit, summed, [channels, 1, ...axes.map((axis) => axis.kernel)])
}

/**
 * Depthwise dW in two spatial dims: each row of the kernel takes slices of the input's rows, and along the columns a matrix of
 * a channel's X^T dY holds the sums, as in {@link byChannelProducts}.
 */
export const byRowProducts: WeightGradient = (emit, x, dy, axes, groups) => {
  const [rows, columns] = axes
  if (!rows || !columns || axes.length > 2) return byUnfolding(emit, x, dy, axes, groups)
  const [samples = 1, channels = 1] = x.dims
  const contracted = samples * rows.output
  const padded = padAxes(emit, transpose(emit, x, [1, 0, 2, 3]), 2, [[rows.before, paddingReached(rows)]])
  const d = reshape(emit, transpose(emit, dy, [1, 0, 2, 3]), [channels, contracted, columns.output])
  const products = Array.from({ length: rows.kernel }, (_, at) => {
    const slice = sliceAxes(emit, padded, 2, [
      { start: at * rows.dilation, count: rows.output, step: rows.stride },
    ])
    const product = matmul(
      emit,
      swapLast(emit, reshape(emit, slice, [channels, contracted, columns.input])),
      d,
    )
    return reshape(emit, product, [channels, 1, columns.input * columns.output])
  })
  const all = reshape(emit, concat(emit, products, 1), [
    channels * rows.kernel,
    columns.input * columns.output,
  ])
  const summed = matmul(emit, all, swapLast(emit, kernelMatrix(emit, [columns])))
  return reshape(emit, summed, [channels, 1, rows.kernel, columns.kernel])
}
