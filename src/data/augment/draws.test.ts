import { describe, expect, it } from 'vitest'
import { required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { toNumbers } from '../../tensor/tensor.ts'
import { symmetricBeta } from './beta.ts'
import type { AugmentColumnName } from './columns.ts'
import { type AugmentPart, drawAugment } from './draws.ts'
import { type AugmentSpec, parseAugment } from './spec.ts'

const image = { height: 8, width: 12 }
const part = (size: number, more: Partial<AugmentPart> = {}): AugmentPart => ({
  size,
  augmented: true,
  mixed: true,
  ...more,
})
const streams = (batch: number) => (purpose: string) => randomStream(5, `${batch}/${purpose}`)

/** The numbers of each row of one batch, by column. */
function drawn(spec: AugmentSpec, parts: readonly AugmentPart[], batch = 0) {
  const tensors = drawAugment({ spec, image, parts, batches: [streams(batch)] })
  return (name: AugmentColumnName): number[][] => {
    const tensor = required(tensors, name, 'column')
    const [, rows = 0, width = 0] = tensor.dims
    const numbers = toNumbers(tensor)
    return Array.from({ length: rows }, (_, row) => numbers.slice(row * width, (row + 1) * width))
  }
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('draws of a batch', () => {
  it('flip as often as asked, and shift as far', () => {
    const places = drawn({ flip: 0.25, crop: 2 }, [part(4000)])('place')
    expect(mean(places.map(([, , step]) => (step === -1 ? 1 : 0)))).toBeCloseTo(0.25, 1)
    const shifts = places.map(([, x = 0, step]) => (step === -1 ? x - image.width + 1 : x))
    for (const found of [shifts, places.map(([y]) => y)]) {
      const counts = [-2, -1, 0, 1, 2].map((shift) => found.filter((one) => one === shift).length)
      expect(counts.reduce((a, b) => a + b)).toBe(4000)
      // 800 each, and 25 is the deviation.
      expect(Math.max(...counts.map((count) => Math.abs(count - 800)))).toBeLessThan(125)
    }
    expect(drawn({ flip: 1 }, [part(3)])('place')).toEqual(new Array(3).fill([0, 11, -1]))
  })

  it('take factors of colour that stand for brightness, contrast and saturation', () => {
    const factors = drawn({ colour: 0.5 }, [part(2000)])('colour')
    // b c s + b c (1 - s) = b c, and b c + b (1 - c) = b.
    const brightness = factors.map((three) => three.reduce((sum, value) => sum + value, 0))
    const contrast = factors.map(([x = 0, grey = 0], row) => (x + grey) / (brightness[row] ?? 0))
    const saturation = factors.map(([x = 0, grey = 0]) => x / (x + grey))
    for (const values of [brightness, contrast, saturation]) {
      expect(Math.min(...values)).toBeGreaterThanOrEqual(0.4999)
      expect(Math.max(...values)).toBeLessThanOrEqual(1.5001)
      expect(mean(values)).toBeCloseTo(1, 1)
    }
  })

  it('blank squares whose middle lies anywhere in the image', () => {
    const boxes = drawn({ cutout: 4 }, [part(2000)])('cutout')
    for (const [top = 0, bottom, left = 0, right] of boxes)
      expect([bottom, right]).toEqual([top + 4, left + 4])
    const tops = new Set(boxes.map(([top = 0]) => top))
    expect([...tops].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3, 4, 5])
    const lefts = boxes.map(([, , left = 0]) => left)
    expect([Math.min(...lefts), Math.max(...lefts)]).toEqual([-2, 9])
  })

  it('mix every row with one of its own part', () => {
    const found = drawn({ mixup: 0.4 }, [part(5), part(7)])
    const partners = found('partner').flat()
    expect(partners.slice(0, 5).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    expect(partners.slice(5).sort((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10, 11])
    expect(found('blend')).toEqual(found('share'))
  })

  it('count the area that CutMix leaves', () => {
    const found = drawn({ cutmix: 1 }, [part(500)])
    const shares = found('share').flat()
    for (const [row, [top = 0, bottom = 0, left = 0, right = 0]] of found('box').entries()) {
      expect(0 <= top && top <= bottom && bottom <= 8 && 0 <= left && left <= right && right <= 12).toBe(true)
      expect(shares[row]).toBeCloseTo(1 - ((bottom - top) * (right - left)) / 96, 6)
    }
    expect(mean(shares)).toBeGreaterThan(0.5)
  })

  it('take mixup or CutMix for each row where both are asked for', () => {
    const found = drawn({ mixup: 0.4, cutmix: 1 }, [part(2000)])
    const boxed = found('box').map((sides) => sides.some((side) => side > 0))
    const blends = found('blend').flat()
    expect(boxed.every((box, row) => !box || blends[row] === 1)).toBe(true)
    expect(mean(blends.map((blend) => (blend === 1 ? 1 : 0)))).toBeCloseTo(0.5, 1)
  })

  it('leave rows alone that are not to be augmented, or not to be mixed', () => {
    const spec = parseAugment(['flip:1', 'crop', 'colour', 'cutout:4', 'mixup', 'cutmix'])
    const found = drawn(spec, [part(3), part(2, { augmented: false }), part(2, { mixed: false })])
    const rest = (name: AugmentColumnName) => found(name).slice(3)
    expect(rest('place').map(([, , step]) => step)).toEqual([1, 1, -1, -1])
    expect(rest('colour').slice(0, 2)).toEqual([
      [1, 0, 0],
      [1, 0, 0],
    ])
    expect(rest('colour')[2]).not.toEqual([1, 0, 0])
    expect(rest('cutout').slice(0, 2)).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ])
    expect(rest('partner').flat()).toEqual([3, 4, 5, 6])
    expect(rest('share').flat()).toEqual([1, 1, 1, 1])
    expect(rest('blend').flat()).toEqual([1, 1, 1, 1])
    expect(
      rest('box')
        .flat()
        .every((side) => side === 0),
    ).toBe(true)
  })

  it('do not depend on other batches, nor one kind on another', () => {
    const spec = { flip: 0.5, crop: 2, cutout: 4 }
    const both = drawAugment({ spec, image, parts: [part(6)], batches: [streams(0), streams(1)] })
    const second = drawAugment({ spec, image, parts: [part(6)], batches: [streams(1)] })
    for (const [name, tensor] of second) {
      expect(toNumbers(required(both, name, 'column')).slice(-toNumbers(tensor).length)).toEqual(
        toNumbers(tensor),
      )
    }
    const alone = drawn({ cutout: 4 }, [part(6)])('cutout')
    expect(drawn(spec, [part(6)])('cutout')).toEqual(alone)
  })
})

describe('a symmetric beta', () => {
  // The variance is 1 / (4 (2 alpha + 1)).
  it.each([0.001, 0.2, 1, 7, 1e6])('of alpha %s has its mean and its variance', (alpha) => {
    const random = randomStream(2, 'beta')
    const values = Array.from({ length: 20_000 }, () => symmetricBeta(alpha, random))
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true)
    expect(mean(values)).toBeCloseTo(0.5, 1)
    const variance = mean(values.map((value) => (value - 0.5) ** 2))
    expect(variance / (1 / (4 * (2 * alpha + 1)))).toBeCloseTo(1, 1)
  })

  it('is even for alpha 1', () => {
    const random = randomStream(3, 'beta')
    const values = Array.from({ length: 20_000 }, () => symmetricBeta(1, random))
    const shares = [0.1, 0.3, 0.6].map((bound) => mean(values.map((value) => (value < bound ? 1 : 0))))
    shares.forEach((share, at) => {
      expect(share).toBeCloseTo([0.1, 0.3, 0.6][at] ?? Number.NaN, 1)
    })
  })
})
