import { required } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type AugmentColumnName, augmentColumns, type Numbers, type RowDraws } from './columns.ts'
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
  const columns = augmentColumns(spec)
  const drawn = new Map<AugmentColumnName, Numbers[]>(columns.map(({ name }) => [name, []]))
  for (const random of batches) {
    for (const row of drawRows(request, random)) {
      for (const { name } of columns) required(drawn, name, 'column').push(required(row, name, 'column'))
    }
  }
  const rows = parts.reduce((sum, { size }) => sum + size, 0)
  return new Map(
    columns.map(({ name, type, still }) => {
      const numbers = required(drawn, name, 'column').flat()
      const dims = [batches.length, rows, still(0).length]
      return [
        name,
        type === 'int32'
          ? { type, dims, data: Int32Array.from(numbers) }
          : { type, dims, data: Float32Array.from(numbers) },
      ]
    }),
  )
}

/** The rows of one batch, each with its numbers by column. */
function drawRows({ spec, image, parts }: AugmentRequest, random: AugmentRandom): readonly RowDraws[] {
  const columns = augmentColumns(spec)
  const alone = rowDraws(spec, image, random)
  const mixing = mixes(spec) ? random('mix') : undefined
  let from = 0
  return parts.flatMap(({ size, augmented, mixed }) => {
    const first = from
    from += size
    const still = Array.from(
      { length: size },
      (_, at): RowDraws => new Map(columns.map((column) => [column.name, column.still(first + at)])),
    )
    if (!augmented) return still
    const together = mixing && mixed ? drawMixes(spec, image, { from: first, size }, mixing) : []
    return still.map(
      (row, at): RowDraws =>
        new Map([
          ...row,
          ...[...alone].map(([name, draw]) => [name, draw()] as const),
          ...(together[at] ?? []),
        ]),
    )
  })
}

/** What is drawn for each row by itself. */
function rowDraws(
  { flip, crop, colour, cutout }: AugmentSpec,
  { height, width }: AugmentRequest['image'],
  random: AugmentRandom,
): ReadonlyMap<AugmentColumnName, () => Numbers> {
  const draws = new Map<AugmentColumnName, () => Numbers>()
  if (flip !== undefined || crop !== undefined) {
    const flips = random('flip')
    const shifts = random('crop')
    const shift = () => (crop === undefined ? 0 : shifts.integer(2 * crop + 1) - crop)
    draws.set('place', () => {
      const [down, across] = [shift(), shift()]
      const flipped = flip !== undefined && flips.uniform() < flip
      return flipped ? [down, across + width - 1, -1] : [down, across, 1]
    })
  }
  if (colour !== undefined) {
    const factors = random('colour')
    const factor = () => 1 + colour * (2 * factors.uniform() - 1)
    draws.set('colour', () => colourFactors(factor(), factor(), factor()))
  }
  if (cutout !== undefined) {
    const centres = random('cutout')
    // The centre lies anywhere in the image, so that at a border less of it is blanked.
    const start = (side: number) => centres.integer(side) - Math.floor(cutout / 2)
    draws.set('cutout', () => {
      const [top, left] = [start(height), start(width)]
      return [top, top + cutout, left, left + cutout]
    })
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
