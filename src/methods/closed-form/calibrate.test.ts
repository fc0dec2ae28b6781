import { describe, expect, it } from 'vitest'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { type Calibration, type Contest, calibrate } from './calibrate.ts'
import { balanced } from './classifier.ts'
import { squareRoot } from './dense.ts'
import { drawLogits, logitMoments, logitScale } from './moments.ts'

/** Two old logits and one new; new rows have a new logit that is a tenth too small and too low. */
function contest(noise: number): Contest {
  const random = randomStream(3, 'contest')
  const labels = Int32Array.from({ length: 300 }, (_, row) => row % 3)
  const old = new Float64Array(600)
  const fresh = new Float64Array(300)
  for (const [row, label] of labels.entries()) {
    for (let unit = 0; unit < 2; unit++)
      old[2 * row + unit] = (unit === label ? 4 : 0) + noise * random.normal()
    fresh[row] = (label === 2 ? 0.4 : 0) - 0.3 + 0.1 * noise * random.normal()
  }
  return { old, fresh, labels, shares: balanced(labels) }
}

function lossAt({ old, fresh, labels }: Contest, { scale, offset }: Calibration): number {
  return labels.reduce((sum, label, row) => {
    const logits = [
      itemAt(old, 2 * row, 'logit'),
      itemAt(old, 2 * row + 1, 'logit'),
      scale * itemAt(fresh, row, 'logit') + offset,
    ]
    return (
      sum + Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0)) - itemAt(logits, label, 'logit')
    )
  }, 0)
}

describe('scale and offset', () => {
  it('are where the likelihood is greatest', () => {
    const rows = contest(1.5)
    const found = calibrate(rows, { scale: 5, offset: 0 })
    const best = lossAt(rows, found)
    for (const scale of [0.97, 1, 1.03]) {
      for (const shift of [-0.1, 0, 0.1]) {
        if (scale === 1 && shift === 0) continue
        const beside = { scale: found.scale * scale, offset: found.offset + shift }
        expect(lossAt(rows, beside)).toBeGreaterThan(best - 0.01)
      }
    }
    expect(found.scale).toBeGreaterThan(5)
  })

  it('stay where they are not to be fitted', () => {
    const rows = contest(1.5)
    const shifted = calibrate(rows, { scale: 3, offset: 0 }, { scale: false })
    expect(shifted.scale).toBe(3)
    expect(lossAt(rows, shifted)).toBeLessThan(lossAt(rows, { scale: 3, offset: shifted.offset + 0.2 }))
    expect(lossAt(rows, shifted)).toBeLessThan(lossAt(rows, { scale: 3, offset: shifted.offset - 0.2 }))
    expect(calibrate(rows, { scale: 3, offset: 1 }, { offset: false }).offset).toBe(1)
  })

  it('never turn the new logits around, whatever the rows say', () => {
    const rows = contest(1.5)
    const turned = { ...rows, fresh: rows.fresh.map((logit) => -logit) }
    expect(calibrate(turned, { scale: 5, offset: 0 }).scale).toBeGreaterThan(0)
    expect(calibrate(rows, { scale: 5, offset: 0 }).scale).toBeGreaterThan(5)
  })

  it('are finite where every row is told apart', () => {
    const { scale, offset } = calibrate(contest(0), { scale: 10, offset: 0 })
    expect(scale).toBeGreaterThan(0)
    expect(scale).toBeLessThan(1000)
    expect(Math.abs(offset)).toBeLessThan(1000)
  })
})

describe('logits of Gaussian classes', () => {
  // Two classes of two rows each: means (1, 0) and (0, 2), covariance diag(1, 4).
  const sums = {
    counts: Float64Array.of(2, 2),
    sums: Float64Array.of(2, 0, 0, 4),
    scatter: Float64Array.of(4, 0, 0, 16),
    width: 2,
  }
  const head = { weights: Float64Array.of(1, 1, 2, 0, 0, -1), biases: Float64Array.of(0.5, 0, 0) }

  it('have the moments of linear functions, by hand', () => {
    const { means, covariance } = logitMoments(sums, head)
    expect([...means]).toEqual([1.5, 2, 0, 2.5, 0, -2])
    expect([...covariance]).toEqual([5, 2, -4, 2, 4, 0, -4, 0, 4])
  })

  it('are drawn with these moments, though there are more logits than features', () => {
    const moments = logitMoments(sums, head)
    const { logits, labels } = drawLogits(moments, [1], 4000, randomStream(1, 'draws'))
    expect(new Set(labels)).toEqual(new Set([1]))
    const of = (place: number) =>
      Array.from({ length: 4000 }, (_, row) => itemAt(logits, 3 * row + place, 'logit'))
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect([0, 1, 2].map((place) => mean(of(place)))).toEqual(
      [2.5, 0, -2].map((value) => expect.closeTo(value, 0)),
    )
    const [a, c] = [of(0), of(2)]
    expect(mean(a.map((value, row) => (value - 2.5) * (itemAt(c, row, 'logit') + 2)))).toBeCloseTo(-4, 0)
  })

  it('have the scale of their spread about the mean of a row', () => {
    // Logits 0 and 1 of class 0: 1.5 and 2, so 0.25 either way; their difference varies by 5 + 4 - 4 = 5.
    expect(logitScale(logitMoments(sums, head), [0], [0, 1])).toBeCloseTo(Math.sqrt(0.25 ** 2 + 5 / 4), 12)
  })

  it('come from a square root that a matrix without full rank has, too', () => {
    const root = squareRoot(Float64Array.of(4, 0, 2, 0, 0, 0, 2, 0, 1), 3)
    expect([...root]).toEqual([2, 0, 0, 0, 0, 0, 1, 0, 0])
  })
})
