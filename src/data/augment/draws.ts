import { required } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type AugmentColumn, type AugmentColumnName, augmentColumns, type Numbers } from './columns.ts'
import type { ImageForm } from './image.ts'
import { drawMixes } from './mix-draws.ts'
import { type AugmentSpec, mixes } from './spec.ts'

/** Rows of a batch that are treated alike. */
export interface AugmentPart {
  readonly size: number
  /** Whether they are augmented at all. */
  readonly augmented: boolean
  /** Whether they are mixed with others of the part, where that is asked for. */
  readonly mixed: boolean
}

/** A random stream of one batch, by what it is for. */
export type AugmentRandom = (purpose: 'flip' | 'crop' | 'colour' | 'cutout' | 'mix') => RandomStream

export interface AugmentRequest {
  readonly spec: AugmentSpec
  readonly image: Pick<ImageForm, 'height' | 'width'>
  /** What a batch is made of, in order. */
  readonly parts: readonly AugmentPart[]
  /** The streams of each batch. Each has its own, so that no batch depends on those drawn before it. */
  readonly batches: readonly AugmentRandom[]
}

/**
 * Draws what is done to each row of some batches: for every column a tensor [batches, rows, numbers].
 *
 * @example
 * const random = (purpose: string) => randomStream(1, `augment/${step}/${purpose}`)
 * const draws = drawAugment({ spec, image, parts, batches: [random] })
 */
export function drawAugment(request: AugmentRequest): ReadonlyMap<AugmentColumnName, Tensor> {
  const { spec, parts, batches } = request
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const tensors = augmentColumns(spec).map(
    (column) => [column.name, still(column, batches.length, size)] as const,
  )
  const columns = new Map(tensors)
  batches.forEach((random, batch) => {
    drawBatch(request, random, (name, row, numbers) => {
      const { data } = required(columns, name, 'column')
      data.set(numbers, (batch * size + row) * numbers.length)
    })
  })
  return columns
}

/** The column of rows that all stay as they are, [batches, size, numbers]. */
function still(
  { type, still: numbersOf }: AugmentColumn,
  batches: number,
  size: number,
): Tensor<'int32'> | Tensor<'float32'> {
  const width = numbersOf(0).length
  const dims = [batches, size, width]
  const length = batches * size * width
  const tensor: Tensor<'int32'> | Tensor<'float32'> =
    type === 'int32'
      ? { type, dims, data: new Int32Array(length) }
      : { type, dims, data: new Float32Array(length) }
  for (let at = 0; at < batches * size; at++) tensor.data.set(numbersOf(at % size), at * width)
  return tensor
}

/** Says the numbers of each row of one batch that does not stay as it is. */
function drawBatch(
  { spec, image, parts }: AugmentRequest,
  random: AugmentRandom,
  say: (name: AugmentColumnName, row: number, numbers: Numbers) => void,
): void {
  const alone = rowDraws(spec, image, random)
  const mixing = mixes(spec) ? random('mix') : undefined
  let from = 0
  for (const { size, augmented, mixed } of parts) {
    for (let row = from; augmented && row < from + size; row++) {
      for (const [name, draw] of alone) say(name, row, draw())
    }
    if (augmented && mixed && mixing) {
      drawMixes(spec, image, { from, size }, mixing).forEach((draws, at) => {
        for (const [name, numbers] of draws) say(name, from + at, numbers)
      })
    }
    from += size
  }
}

/** What is drawn for each row by itself. */
function rowDraws(
  { flip, crop, colour, cutout }: AugmentSpec,
  { height, width }: AugmentRequest['image'],
  random: AugmentRandom,
): readonly (readonly [AugmentColumnName, () => Numbers])[] {
  const draws: [AugmentColumnName, () => Numbers][] = []
  if (flip !== undefined || crop !== undefined) {
    const flips = random('flip')
    const shifts = random('crop')
    const shift = () => (crop === undefined ? 0 : shifts.integer(2 * crop + 1) - crop)
    draws.push([
      'place',
      () => {
        const [down, across] = [shift(), shift()]
        const flipped = flip !== undefined && flips.uniform() < flip
        return flipped ? [down, across + width - 1, -1] : [down, across, 1]
      },
    ])
  }
  if (colour !== undefined) {
    const factors = random('colour')
    const factor = () => 1 + colour * (2 * factors.uniform() - 1)
    draws.push(['colour', () => colourFactors(factor(), factor(), factor())])
  }
  if (cutout !== undefined) {
    const centres = random('cutout')
    // The centre lies anywhere in the image, so that at a border less of it is blanked.
    const start = (side: number) => centres.integer(side) - Math.floor(cutout / 2)
    draws.push([
      'cutout',
      () => {
        const [top, left] = [start(height), start(width)]
        return [top, top + cutout, left, left + cutout]
      },
    ])
  }
  return draws
}

/**
 * Brightness b x, contrast c x + (1 - c) m and saturation s x + (1 - s) g, with g the grey of a pixel and m its mean over the
 * image, follow one another to b c s x + b c (1 - s) g + b (1 - c) m, in whatever order: factors of x, g and m.
 */
const colourFactors = (brightness: number, contrast: number, saturation: number): Numbers => [
  brightness * contrast * saturation,
  brightness * contrast * (1 - saturation),
  brightness * (1 - contrast),
]
