import { itemAt } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import { symmetricBeta } from './beta.ts'
import type { RowDraws } from './columns.ts'
import type { ImageForm } from './image.ts'
import type { AugmentSpec } from './spec.ts'

type Size = Pick<ImageForm, 'height' | 'width'>

/**
 * What rows are mixed with, a permutation among themselves, and how: by mixup or by CutMix, each with even chance where both
 * are asked for. Every row has a share of its own, as in the papers' formulas; the authors' programs draw one a batch.
 */
export function drawMixes(
  { mixup, cutmix }: AugmentSpec,
  image: Size,
  { from, size }: { readonly from: number; readonly size: number },
  random: RandomStream,
): readonly RowDraws[] {
  const ways = [
    ...(mixup === undefined ? [] : [() => blend(mixup, random)]),
    ...(cutmix === undefined ? [] : [() => box(cutmix, image, random)]),
  ]
  const partners = random.permutation(size)
  return Array.from({ length: size }, (_, at): RowDraws => {
    const partner = from + itemAt(partners, at, 'partner')
    const draw = itemAt(ways, random.integer(ways.length), 'way of mixing')
    return [['partner', [partner]], ...draw()]
  })
}

/** Mixup: a share of every pixel. */
function blend(alpha: number, random: RandomStream): RowDraws {
  const share = symmetricBeta(alpha, random)
  return [
    ['share', [share]],
    ['blend', [share]],
  ]
}

/**
 * CutMix: a box of the partner whose sides are sqrt(1 - a) of the image's, around a point anywhere in it, cut off at its
 * borders. The share is that of the area that is left.
 */
function box(alpha: number, { height, width }: Size, random: RandomStream): RowDraws {
  const part = Math.sqrt(1 - symmetricBeta(alpha, random))
  const side = (length: number) => {
    const half = Math.floor(Math.floor(part * length) / 2)
    const centre = random.integer(length)
    return [Math.max(0, centre - half), Math.min(length, centre + half)] as const
  }
  const [top, bottom] = side(height)
  const [left, right] = side(width)
  return [
    ['share', [1 - ((bottom - top) * (right - left)) / (height * width)]],
    ['box', [top, bottom, left, right]],
  ]
}
