import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { type RandomStream, randomStream } from '../../tensor/random.ts'
import { createDataset, type Dataset, unitPixels } from '../dataset.ts'
import { digitGlyphs, type Glyph } from './strokes.ts'

const side = 28
const pixels = side * side

export interface SyntheticDigitOptions {
  /** Number of training images, default 10,000. */
  readonly train?: number
  /** Number of test images, default 2,000. */
  readonly test?: number
  /** Default 0. */
  readonly seed?: number
}

/**
 * Handwriting-like digits, drawn here and now: each digit from pen strokes in a few styles, under a random affine map (size,
 * slant, rotation, place), an elastic distortion and a random pen. 28 x 28 grey pixels, uint8 [N, 1, 28, 28], as many of each digit
 * as N allows. They stand in for MNIST where there is no network, and are not MNIST: `synthetic` is true and the name says so.
 *
 * Training and test images come from different random streams, so that the one does not depend on the number of the other.
 *
 * @throws UsageError `synthetic-count` for a number of images that is no whole number from 1 on.
 * @example
 * const { train, test } = syntheticDigits({ train: 1000, test: 200, seed: 1 })
 */
export function syntheticDigits({ train = 10_000, test = 2_000, seed = 0 }: SyntheticDigitOptions = {}): {
  readonly train: Dataset
  readonly test: Dataset
} {
  return {
    train: drawDigits(train, randomStream(seed, 'synthetic digits/train')),
    test: drawDigits(test, randomStream(seed, 'synthetic digits/test')),
  }
}

function drawDigits(count: number, random: RandomStream): Dataset {
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(
      'synthetic-count',
      `A number of synthetic digits is a whole number from 1 on, but it is ${count}.`,
    )
  }
  const labels = Int32Array.from(random.permutation(count), (place) => place % digitGlyphs.length)
  const data = new Uint8Array(count * pixels)
  const ink = new Float32Array(pixels)
  for (const [row, digit] of labels.entries()) {
    const styles = itemAt(digitGlyphs, digit, 'digit')
    const glyph = itemAt(styles, random.integer(styles.length), 'style')
    drawGlyph(glyph, ink, random)
    const strength = between(random, 200, 255)
    for (let pixel = 0; pixel < pixels; pixel++)
      data[row * pixels + pixel] = Math.round((ink[pixel] ?? 0) * strength)
  }
  return createDataset({
    name: 'synthetic digits',
    synthetic: true,
    inputs: { type: 'uint8', dims: [count, 1, side, side], data },
    labels: { type: 'int32', dims: [count], data: labels },
    classes: digitGlyphs.map((_, digit) => String(digit)),
    preprocessing: unitPixels,
  })
}

/** Darkens `ink` [28 * 28], 0 to 1, along the strokes under one random distortion. */
function drawGlyph(glyph: Glyph, ink: Float32Array, random: RandomStream): void {
  ink.fill(0)
  const place = randomAffine(random)
  const bend = randomField(random, between(random, 0.5, 1.2))
  const radius = between(random, 0.8, 1.6)
  for (const stroke of glyph) {
    const path = refine(stroke).map(([x, y]) => bend(place(x, y)))
    for (let i = 1; i < path.length; i++) {
      const from = path[i - 1]
      const to = path[i]
      if (from && to) drawSegment(ink, from, to, radius)
    }
  }
}

type Point = readonly [x: number, y: number]

/** From the glyph's unit box to pixels: about 20 pixels high and centred, as MNIST's digits are. */
function randomAffine(random: RandomStream): (x: number, y: number) => Point {
  const angle = 0.13 * random.normal()
  const slant = 0.2 * random.normal()
  const height = between(random, 16, 21)
  const width = height * between(random, 0.6, 0.95)
  const dx = side / 2 + 0.85 * random.normal()
  const dy = side / 2 + 0.85 * random.normal()
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  return (x, y) => {
    const v = (y - 0.5) * height
    const u = (x - 0.5) * width - slant * v
    return [dx + cos * u - sin * v, dy + sin * u + cos * v]
  }
}

/**
 * An elastic distortion (after Simard et al. 2003): random displacements, in pixels, at the nodes of a coarse grid, smoothly
 * interpolated between them. Points of strokes are displaced rather than pixels, so that lines stay sharp.
 */
function randomField(random: RandomStream, strength: number): (point: Point) => Point {
  const nodes = 5
  const shifts = Float64Array.from({ length: 2 * nodes * nodes }, () => strength * random.normal())
  const cell = side / (nodes - 1)
  return ([x, y]) => {
    const gx = Math.min(Math.max(x / cell, 0), nodes - 1.001)
    const gy = Math.min(Math.max(y / cell, 0), nodes - 1.001)
    const column = Math.floor(gx)
    const row = Math.floor(gy)
    const tx = smooth(gx - column)
    const ty = smooth(gy - row)
    const at = (axis: number): number => {
      const corner = 2 * (row * nodes + column) + axis
      const top = (shifts[corner] ?? 0) * (1 - tx) + (shifts[corner + 2] ?? 0) * tx
      const bottom = (shifts[corner + 2 * nodes] ?? 0) * (1 - tx) + (shifts[corner + 2 * nodes + 2] ?? 0) * tx
      return top * (1 - ty) + bottom * ty
    }
    return [x + at(0), y + at(1)]
  }
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t)
}

/** Points along a stroke, dense enough to bend. */
function refine(stroke: readonly number[]): Point[] {
  const points: Point[] = []
  for (let i = 0; i + 3 < stroke.length; i += 2) {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = stroke.slice(i, i + 4)
    const steps = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 0.14))
    for (let step = i === 0 ? 0 : 1; step <= steps; step++) {
      points.push([x0 + ((x1 - x0) * step) / steps, y0 + ((y1 - y0) * step) / steps])
    }
  }
  return points
}

/** A line with round ends; a pixel's ink falls from 1 to 0 over one pixel at the edge, which smooths it. */
function drawSegment(ink: Float32Array, [x0, y0]: Point, [x1, y1]: Point, radius: number): void {
  const reach = radius + 0.5
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach))
  const right = Math.min(side - 1, Math.ceil(Math.max(x0, x1) + reach))
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach))
  const bottom = Math.min(side - 1, Math.ceil(Math.max(y0, y1) + reach))
  const dx = x1 - x0
  const dy = y1 - y0
  const square = dx * dx + dy * dy || 1
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x0
      const py = row + 0.5 - y0
      const along = Math.min(1, Math.max(0, (px * dx + py * dy) / square))
      const ex = px - along * dx
      const ey = py - along * dy
      const amount = Math.min(1, reach - Math.sqrt(ex * ex + ey * ey))
      const pixel = row * side + column
      if (amount > (ink[pixel] ?? 0)) ink[pixel] = amount
    }
  }
}

function between(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.uniform()
}
