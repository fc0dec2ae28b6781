import type { AugmentColumnName, AugmentSpec, ImageForm } from '../../data/augment/index.ts'
import type { Preprocessing } from '../../data/dataset.ts'
import {
  add,
  cast,
  type Emitter,
  expand,
  ints,
  matmul,
  mul,
  reshape,
  scalar,
  sub,
  type Value,
} from '../../ops/core/index.ts'
import { required } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'

/** A batch of images in a graph, and what was drawn for each of its rows. */
export interface AugmentedBatch {
  readonly spec: AugmentSpec
  readonly image: ImageForm
  readonly preprocessing: Preprocessing
  /** By column, [rows, numbers]; see `AugmentColumnName`. */
  readonly draws: ReadonlyMap<AugmentColumnName, Value>
}

/**
 * Emits the augmentation of a batch as it is stored, before it is normalised. Flips, shifts, cutout and CutMix move or blank
 * stored values and keep their type; colour and mixup give float32 in the same units.
 */
export function augment(emit: Emitter, batch: Value, given: AugmentedBatch): Value {
  const { spec } = given
  const placed = spec.flip === undefined && spec.crop === undefined ? batch : moved(emit, batch, given)
  const tinted = spec.colour === undefined ? placed : coloured(emit, placed, given)
  const cut = spec.cutout === undefined ? tinted : blanked(emit, tinted, given)
  const boxed = spec.cutmix === undefined ? cut : boxesOfPartners(emit, cut, given)
  return spec.mixup === undefined ? boxed : blended(emit, cut, boxed, given)
}

/** In the type that rows are stored in: whole numbers are rounded, as a cast would cut them off. */
export const inStoredType = (emit: Emitter, x: Value, type: Value['type']): Value =>
  x.type === type ? x : cast(emit, type.startsWith('float') ? x : emit.op('Round', [x]), type)

/** Column `at` of what was drawn, [rows, 1]. */
function column({ draws }: AugmentedBatch, emit: Emitter, name: AugmentColumnName, at: number): Value {
  const numbers = required(draws, name, 'column')
  return emit.op('Slice', [numbers, ints(emit, [at]), ints(emit, [at + 1]), ints(emit, [1])])
}

/** 0 to n - 1, int32 [1, n]. */
const range = (emit: Emitter, n: number): Value =>
  emit.constant({ type: 'int32', dims: [1, n], data: Int32Array.from({ length: n }, (_, at) => at) })

/** [rows, height] and [rows, width] so that they broadcast over the images. */
const alongRows = (emit: Emitter, x: Value, { channelAxis }: ImageForm): Value => {
  const [rows = 1, height = 1] = x.dims
  return reshape(emit, x, channelAxis === 1 ? [rows, 1, height, 1] : [rows, height, 1, 1])
}
const alongColumns = (emit: Emitter, x: Value, { channelAxis }: ImageForm): Value => {
  const [rows = 1, width = 1] = x.dims
  return reshape(emit, x, channelAxis === 1 ? [rows, 1, 1, width] : [rows, 1, width, 1])
}

/** [rows, 1] so that it broadcasts over the images. */
const aRow = (emit: Emitter, x: Value): Value => reshape(emit, x, [x.dims[0] ?? 1, 1, 1, 1])

const between = (emit: Emitter, x: Value, from: Value, to: Value): Value =>
  emit.op('And', [emit.op('GreaterOrEqual', [x, from]), emit.op('Less', [x, to])])

/**
 * Flips and shifts: one index a pixel, the same for all channels, picks from the stored image. What lies outside is black.
 * Of the forms measured by `bench/augment-forms.ts` the fastest.
 */
function moved(emit: Emitter, batch: Value, given: AugmentedBatch): Value {
  const { image, spec } = given
  const { height, width, channels, channelAxis } = image
  const [rows = 1] = batch.dims
  const y = add(emit, column(given, emit, 'place', 0), range(emit, height))
  const step = mul(emit, column(given, emit, 'place', 2), range(emit, width))
  const x = add(emit, column(given, emit, 'place', 1), step)
  const inside = (at: Value, size: number) =>
    emit.op('Clip', [at, scalar(emit, 0, at), scalar(emit, size - 1, at)])
  const line = mul(emit, reshape(emit, inside(y, height), [rows, height, 1]), scalar(emit, width, y))
  const index = add(emit, line, reshape(emit, inside(x, width), [rows, 1, width]))
  const pixels = height * width
  const [flat, one] =
    channelAxis === 1
      ? [
          [rows, channels, pixels],
          [rows, 1, pixels],
        ]
      : [
          [rows, pixels, channels],
          [rows, pixels, 1],
        ]
  const every = expand(emit, reshape(emit, index, one), flat)
  const axis = channelAxis === 1 ? 2 : 1
  const picked = emit.op('GatherElements', [reshape(emit, batch, flat), every], { axis })
  const result = reshape(emit, picked, batch.dims)
  // A flip alone leaves nothing outside.
  if (spec.crop === undefined) return result
  const within = (at: Value, size: number) => between(emit, at, scalar(emit, 0, at), scalar(emit, size, at))
  const seen = emit.op('And', [
    alongRows(emit, within(y, height), image),
    alongColumns(emit, within(x, width), image),
  ])
  return emit.op('Where', [seen, result, scalar(emit, 0, result)])
}

/** ITU-R BT.601, as PIL and torchvision weigh red, green and blue. */
const GREY = [0.299, 0.587, 0.114]

/** a x + b grey(x) + c mean(grey(x)), kept in 0..255. */
function coloured(emit: Emitter, batch: Value, given: AugmentedBatch): Value {
  const { image } = given
  const x = cast(emit, batch, 'float32')
  const grey = image.channels === 1 ? x : greyOf(emit, x, image)
  const spatial = image.channelAxis === 1 ? [2, 3] : [1, 2]
  const mean = emit.op('ReduceMean', [grey, ints(emit, spatial)], { keepdims: 1 })
  const factor = (at: number) => aRow(emit, column(given, emit, 'colour', at))
  const pulled = add(emit, mul(emit, grey, factor(1)), mul(emit, mean, factor(2)))
  const mixed = add(emit, mul(emit, x, factor(0)), pulled)
  return emit.op('Clip', [mixed, scalar(emit, 0, mixed), scalar(emit, 255, mixed)])
}

/** The grey of each pixel, with one channel. */
function greyOf(emit: Emitter, x: Value, { height, width, channelAxis }: ImageForm): Value {
  const [rows = 1] = x.dims
  const pixels = height * width
  return channelAxis === 1
    ? reshape(emit, matmul(emit, emit.constant(float32([1, 3], GREY)), reshape(emit, x, [rows, 3, pixels])), [
        rows,
        1,
        height,
        width,
      ])
    : matmul(emit, x, emit.constant(float32([3, 1], GREY)))
}

/** The pixels of a box drawn as top, bottom, left and right, [rows, ...] that broadcasts over the images. */
function boxOf(emit: Emitter, name: 'cutout' | 'box', given: AugmentedBatch): Value {
  const { image } = given
  const side = (at: number, length: number) =>
    between(emit, range(emit, length), column(given, emit, name, at), column(given, emit, name, at + 1))
  return emit.op('And', [
    alongRows(emit, side(0, image.height), image),
    alongColumns(emit, side(2, image.width), image),
  ])
}

/** A square of what becomes 0 once it is normalised, as the paper has it: the mean pixel. */
function blanked(emit: Emitter, batch: Value, given: AugmentedBatch): Value {
  return emit.op('Where', [boxOf(emit, 'cutout', given), emit.constant(meanPixel(batch, given)), batch])
}

/** The stored value whose normalised value is 0, by channel where the means are. */
function meanPixel({ type }: Value, { preprocessing, image }: AugmentedBatch): Tensor {
  const { mean, scale } = preprocessing
  const means = typeof mean === 'number' ? [mean] : mean
  const values = means.map((value) => value / scale)
  const dims = means.length === 1 ? [] : image.channelAxis === 1 ? [means.length, 1, 1] : [means.length]
  return type === 'uint8'
    ? { type, dims, data: Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round(value)))) }
    : float32(dims, values)
}

const partnersOf = (emit: Emitter, batch: Value, { draws }: AugmentedBatch): Value =>
  emit.op('Gather', [batch, flatColumn(emit, required(draws, 'partner', 'column'))])

const flatColumn = (emit: Emitter, x: Value): Value => reshape(emit, x, [x.dims[0] ?? 1])

function boxesOfPartners(emit: Emitter, batch: Value, given: AugmentedBatch): Value {
  return emit.op('Where', [boxOf(emit, 'box', given), partnersOf(emit, batch, given), batch])
}

/**
 * share x + (1 - share) x'. Rows that have a box of their partner instead have the share 1 here.
 *
 * @param alone The rows before anything was mixed.
 */
function blended(emit: Emitter, alone: Value, batch: Value, given: AugmentedBatch): Value {
  const share = aRow(emit, required(given.draws, 'blend', 'column'))
  const own = cast(emit, batch, 'float32')
  const other = cast(emit, partnersOf(emit, alone, given), 'float32')
  return add(emit, mul(emit, own, share), mul(emit, other, sub(emit, scalar(emit, 1, share), share)))
}
