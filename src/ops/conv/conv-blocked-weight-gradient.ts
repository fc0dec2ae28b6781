import {
  blockedOp,
  concat,
  type Emitter,
  intoBlocks,
  outOfBlocks,
  reduceSum,
  reshape,
  transpose,
  type Value,
} from '../core/index.ts'
import type { WeightGradient } from './conv-weight-gradient.ts'
import { padAxes, sliceAxes, windowSlices } from './unfold.ts'
import { paddingReached, reach, type WindowAxis } from './windows.ts'

// dW[o, c, i, j] = sum over n, p, r of dY[n, o, p, r] X[n, c, p s + i d - before, r s + j d - before] is a convolution whose channels
// are the pairs (n, r), whose kernel runs over the rows p, and whose positions are the places i and the channels c. One for each
// column j of the kernel, for which X and dY are brought in line along their columns.

/** How many samples lie side by side in a block, where rows are of `width`. */
const samplesTogether = (width: number, block: number): number => block / commonDivisor(width, block)

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b))

/** X has to be read three times, padded, sliced and reordered, to be brought in line; dY padded. */
const FEW_CHANNELS = 1 / 3

/** Whether it is X that is brought in line with dY: where it has to be thinned out, or is so much smaller. */
const takesFromX = ({ stride }: WindowAxis, channels: number, outputs: number): boolean =>
  stride > 1 || channels < FEW_CHANNELS * outputs

/** Whether {@link byBlockedRows} can do such a layer. */
export function sumsBlocked(
  [samples = 1, channels = 1]: readonly number[],
  [outputs = 1]: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
  block: number,
): boolean {
  const columns = axes[1]
  if (!columns || axes.length !== 2 || groups !== 1 || outputs % block !== 0) return false
  const width = takesFromX(columns, channels, outputs) ? columns.output : columns.input
  return samples % samplesTogether(width, block) === 0
}

/** The runtime's threads share a convolution by groups, 64 outputs and rows: so many pieces keep a few threads busy. */
const PIECES = 12

/** In how many groups samples are summed apart: the fewest that make enough pieces. */
function partsOf(batches: number, outputs: number, rows: number): number {
  const pieces = Math.ceil(outputs / 64) * rows
  for (let parts = 1; parts < batches; parts++) {
    if (batches % parts === 0 && parts * pieces >= PIECES) return parts
  }
  return batches
}

interface Layout {
  readonly emit: Emitter
  readonly block: number
  readonly rows: WindowAxis
  readonly columns: WindowAxis
  /** Samples side by side in a block; their columns together are whole blocks. */
  readonly together: number
  readonly width: number
  readonly fromX: boolean
  /** Groups of samples, and how many batches of samples together each has. */
  readonly parts: number
  readonly batches: number
}

/** dW by the runtime's blocked kernel, from dY in blocks as the blocked kernels leave it. One group, two spatial dims. */
export const byBlockedRows: WeightGradient = (emit, x, dy, axes) => {
  const [rows, columns] = axes
  const block = emit.channelBlock
  if (!rows || !columns || block === undefined)
    throw new Error('Blocked sums need two spatial dims and a block.')
  const channels = x.dims[1] ?? 1
  const outputs = dy.dims[1] ?? 1
  const fromX = takesFromX(columns, channels, outputs)
  const width = fromX ? columns.output : columns.input
  const together = samplesTogether(width, block)
  const all = (x.dims[0] ?? 1) / together
  const parts = partsOf(all, outputs, rows.kernel)
  const layout = { emit, block, rows, columns, width, fromX, together, parts, batches: all / parts }
  const inputs = inputsByColumn(layout, x)
  const kernels = kernelsByColumn(layout, dy)
  const wide = (together * width) / block
  const after = paddingReached(rows)
  const reached = Math.floor((rows.before + rows.input + after - reach(rows)) / rows.dilation) + rows.kernel
  const sums = kernels.map((kernel, at) => {
    const input = inputs[at] ?? inputs[0]
    const sum = blockedOp(emit, 'Conv', [input, kernel], [1, parts * outputs, reached, channels], {
      kernel_shape: [rows.output, wide],
      strides: [rows.dilation, 1],
      dilations: [rows.stride, channels],
      pads: [rows.before, 0, after, 0],
      group: parts,
    })
    const apart = reshape(emit, sum, [parts, outputs * reached * channels])
    const total = parts === 1 ? apart : reduceSum(emit, apart, [0])
    const parted = reshape(emit, total, [1, outputs / block, reached, channels, block])
    return sliceAxes(emit, parted, 2, [{ start: 0, count: rows.kernel, step: 1 }])
  })
  const ordered = transpose(emit, concat(emit, sums, 0), [1, 3, 2, 0, 4])
  const places = rows.kernel * columns.kernel
  const plain = outOfBlocks(emit, reshape(emit, ordered, [1, outputs, channels * places, 1]))
  return reshape(emit, plain, [outputs, channels, rows.kernel, columns.kernel])
}

/** X with its columns in blocks, [samples / together, rows, blocks of columns, C, B]; one for all columns of the kernel, or one for each. */
function inputsByColumn({ emit, block, rows, columns, width, together, fromX }: Layout, x: Value): Value[] {
  const [samples = 1, channels = 1] = x.dims
  const last = transpose(emit, x, [0, 2, 3, 1])
  const sources = fromX ? windowSlices(emit, last, [columns], 2) : [last]
  return sources.map((source) => {
    const grouped = reshape(emit, source, [samples / together, together, rows.input, width * channels])
    const side = reshape(emit, transpose(emit, grouped, [0, 2, 1, 3]), [
      (samples / together) * rows.input,
      together * width,
      channels,
      1,
    ])
    return reshape(emit, intoBlocks(emit, side), [
      1,
      (samples / together) * block,
      rows.input,
      ((together * width) / block) * channels,
    ])
  })
}

/** dY as kernels, [parts, O / B, batches, rows, together, columns, B], moved along the columns for each column of the kernel. */
function kernelsByColumn(layout: Layout, dy: Value): Value[] {
  const { emit, block, rows, columns, width, together, fromX, parts, batches } = layout
  const outputs = dy.dims[1] ?? 1
  const blocks = outputs / block
  const parted = reshape(emit, intoBlocks(emit, dy), [
    ...[parts, batches, together, blocks, rows.output],
    columns.output * block,
  ])
  const lead = parts * blocks * batches * rows.output * together
  const ordered = reshape(emit, transpose(emit, parted, [0, 3, 1, 4, 2, 5]), [lead, columns.output, block])
  return Array.from({ length: columns.kernel }, (_, at) => {
    const start = fromX ? 0 : at * columns.dilation - columns.before
    const moved = padAxes(emit, ordered, 1, [[start, width - columns.output - start]])
    return reshape(emit, moved, [
      ...[parts * outputs, batches * block, rows.output],
      (together * width) / block,
    ])
  })
}
