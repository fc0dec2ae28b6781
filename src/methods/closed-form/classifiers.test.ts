import { describe, expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { featureSums } from '../../evaluate/feature-sums.ts'
import { addSums, type FeatureSums } from '../../evaluate/sums.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32 } from '../../tensor/tensor.ts'
import { type JudgedRows, strengths } from './classifier.ts'
import { lda } from './lda.ts'
import { ridge } from './ridge.ts'

const engine = ortNode({ threads: 1 })
const WIDTH = 5
const CLASSES = 3

/** Rows of three classes that overlap, with features of different scale, correlated, and far from 0. */
function drawn(rows: number, seed: number): JudgedRows {
  const random = randomStream(seed, 'rows')
  const labels = Int32Array.from({ length: rows }, (_, row) => (row % 6 < 3 ? 0 : row % 6 < 5 ? 1 : 2))
  const features = float32([rows, WIDTH])
  for (const [row, label] of labels.entries()) {
    const shared = random.normal()
    for (let at = 0; at < WIDTH; at++) {
      features.data[row * WIDTH + at] =
        3 + (at === label ? 1.5 : 0) + (at + 1) * (random.normal() + shared) * 0.4
    }
  }
  return { features, labels }
}

const sumsOf = ({ features, labels }: JudgedRows): Promise<FeatureSums> =>
  featureSums({ engine, features, labels, classes: CLASSES })

const without = ({ features, labels }: JudgedRows, left: number): JudgedRows => ({
  features: float32(
    [labels.length - 1, WIDTH],
    [...features.data].filter((_, at) => Math.floor(at / WIDTH) !== left),
  ),
  labels: labels.filter((_, row) => row !== left),
})

const rowOf = ({ features }: JudgedRows, row: number): number[] => [
  ...features.data.subarray(row * WIDTH, (row + 1) * WIDTH),
]

const answer = (
  { weights, biases }: { readonly weights: Float64Array; readonly biases: Float64Array },
  x: readonly number[],
): number[] =>
  Array.from(biases, (bias, unit) =>
    x.reduce((sum, value, at) => sum + value * itemAt(weights, unit * WIDTH + at, 'weight'), bias),
  )

/** Solves a small system by elimination with pivots: another way than the one that is tested. */
function eliminated(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, at) => [...row, itemAt(right, at, 'side')])
  const size = rows.length
  const cell = (row: number, column: number) => itemAt(itemAt(rows, row, 'row'), column, 'cell')
  for (let at = 0; at < size; at++) {
    const pivot = rows.reduce(
      (best, _, row) => (row >= at && Math.abs(cell(row, at)) > Math.abs(cell(best, at)) ? row : best),
      at,
    )
    ;[rows[at], rows[pivot]] = [itemAt(rows, pivot, 'row'), itemAt(rows, at, 'row')]
    for (let row = 0; row < size; row++) {
      if (row === at) continue
      const factor = cell(row, at) / cell(at, at)
      rows[row] = itemAt(rows, row, 'row').map((value, column) => value - factor * cell(at, column))
    }
  }
  return rows.map((row, at) => itemAt(row, size, 'side') / itemAt(row, at, 'pivot'))
}

/** Weighted least squares on rows with a 1 at their end, whose weight is not penalised: what the sums stand for. */
function byRows({ labels, ...rows }: JudgedRows, lambda: number, unit: number): number[] {
  const full = Array.from(labels, (_, row) => [...rowOf({ labels, ...rows }, row), 1])
  const gram = Array.from({ length: WIDTH + 1 }, (_, i) =>
    Array.from({ length: WIDTH + 1 }, (__, j) =>
      full.reduce(
        (sum, row) => sum + itemAt(row, i, 'f') * itemAt(row, j, 'f'),
        i === j && i < WIDTH ? lambda : 0,
      ),
    ),
  )
  const right = Array.from({ length: WIDTH + 1 }, (_, i) =>
    full.reduce((sum, row, at) => sum + (labels[at] === unit ? itemAt(row, i, 'f') : 0), 0),
  )
  return eliminated(gram, right)
}

/** The mean eigenvalue of the Gram matrix about the mean, or of the scatter within classes. */
function unitOf(rows: JudgedRows, within: boolean): number {
  let sum = 0
  const groups = within ? [0, 1, 2] : [undefined]
  for (const group of groups) {
    const members = [...rows.labels.keys()].filter((row) => group === undefined || rows.labels[row] === group)
    for (let at = 0; at < WIDTH; at++) {
      const values = members.map((row) => itemAt(rowOf(rows, row), at, 'feature'))
      const mean = values.reduce((all, value) => all + value, 0) / values.length
      sum += values.reduce((all, value) => all + (value - mean) ** 2, 0)
    }
  }
  return sum / WIDTH
}

describe('ridge regression from sums', () => {
  const rows = drawn(60, 1)

  it('is least squares on the rows with an offset that is not penalised', async () => {
    const found = await ridge(await sumsOf(rows), { weighting: 'counts', strength: 0.1 })
    const lambda = 0.1 * unitOf(rows, false)
    for (let unit = 0; unit < CLASSES; unit++) {
      const expected = byRows(rows, lambda, unit)
      const own = [...found.weights.subarray(unit * WIDTH, (unit + 1) * WIDTH), found.biases[unit]]
      expect(own).toEqual(expected.map((value) => expect.closeTo(value, 5)))
    }
  })

  it('leaves rows out as if it had been fitted without them', async () => {
    const sums = await sumsOf(rows)
    const judged = { ...rows, labels: rows.labels }
    const { leftOut, strength, chosenBy } = await ridge(sums, { weighting: 'counts', rows: judged })
    expect(chosenBy).toBe('leave-one-out')
    const lambda = strength * unitOf(rows, false)
    for (const row of [0, 7, 59]) {
      const less = without(rows, row)
      const again = await ridge(await sumsOf(less), {
        weighting: 'counts',
        strength: lambda / unitOf(less, false),
      })
      expect([...(leftOut as Float64Array).subarray(row * CLASSES, (row + 1) * CLASSES)]).toEqual(
        answer(again, rowOf(rows, row)).map((value) => expect.closeTo(value, 5)),
      )
    }
  })

  it('takes the strength whose left-out rows are answered best', async () => {
    const sums = await sumsOf(rows)
    const pressOf = async (strength: number) => {
      const { leftOut } = await ridge(sums, { weighting: 'counts', strength, rows })
      const counts = [0, 1, 2].map((unit) => rows.labels.filter((label) => label === unit).length)
      return [...rows.labels].reduce((sum, label, row) => {
        const own = (leftOut as Float64Array).subarray(row * CLASSES, (row + 1) * CLASSES)
        const square = own.reduce((all, value, unit) => all + ((unit === label ? 1 : 0) - value) ** 2, 0)
        return sum + square / CLASSES / itemAt(counts, label, 'count')
      }, 0)
    }
    const { strength } = await ridge(sums, { weighting: 'counts', rows })
    const best = await pressOf(strength)
    for (const other of strengths) expect(best).toBeLessThanOrEqual((await pressOf(other)) + 1e-12)
  })

  it('chooses by generalised cross-validation where there are sums alone: as with the hat matrix of the rows', async () => {
    const { strength, chosenBy } = await ridge(await sumsOf(rows), { weighting: 'counts' })
    expect(chosenBy).toBe('sums')
    const unit = unitOf(rows, false)
    const scored = strengths.map((candidate) => ({
      candidate,
      score: generalised(rows, candidate * unit),
    }))
    const best = scored.reduce((one, other) => (other.score < one.score ? other : one))
    expect(strength).toBeCloseTo(best.candidate, 9)
  })

  it('counts classes alike where it is asked to, however many rows each has', async () => {
    const offsets = [...drawn(12, 5).features.data].map((value) => value - 3)
    const inGroups = (times: readonly number[]): JudgedRows => ({
      features: float32(
        [12 * times.reduce((sum, each) => sum + each), WIDTH],
        times.flatMap((each, unit) =>
          Array(each)
            .fill(offsets.map((value, at) => value + (at % WIDTH === unit ? 2 : 0)))
            .flat(),
        ),
      ),
      labels: Int32Array.from(times.flatMap((each, unit) => Array<number>(12 * each).fill(unit))),
    })
    const found = async (times: readonly number[], weighting: 'equal' | 'counts') => {
      const { weights, biases } = await ridge(await sumsOf(inGroups(times)), { strength: 0.01, weighting })
      return [...weights, ...biases].map((value) => expect.closeTo(value, 5))
    }
    const alike = await ridge(await sumsOf(inGroups([1, 1, 1])), { strength: 0.01, weighting: 'counts' })
    const plain = [...alike.weights, ...alike.biases]
    expect(plain).toEqual(await found([4, 1, 2], 'equal'))
    expect(plain).not.toEqual(await found([4, 1, 2], 'counts'))
  })

  it('gives classes without rows nothing, and refuses rows of them', async () => {
    const few = { features: rows.features, labels: rows.labels.map((label) => Math.min(label, 1)) }
    const { weights, biases } = await ridge(await sumsOf(few))
    expect([...weights.subarray(2 * WIDTH)]).toEqual(Array(WIDTH).fill(0))
    expect(biases[2]).toBe(0)
    await expect(ridge({ ...weightless(), counts: Float64Array.of(2, 2, 0) }, { rows })).rejects.toThrow(
      expect.objectContaining({ code: 'judged-rows' }),
    )
    await expect(ridge(weightless())).rejects.toThrow(expect.objectContaining({ code: 'features-constant' }))
  })
})

const weightless = (): FeatureSums => ({
  counts: Float64Array.of(2, 2, 1),
  sums: new Float64Array(CLASSES * WIDTH),
  scatter: new Float64Array(WIDTH * WIDTH),
  width: WIDTH,
})

/** Generalised cross-validation by fitting each row's unit vector: the trace of the hat matrix, column by column. */
function generalised(rows: JudgedRows, lambda: number): number {
  const count = rows.labels.length
  const fits = [0, 1, 2].map((unit) => byRows(rows, lambda, unit))
  const at = (fit: readonly number[], row: number) =>
    [...rowOf(rows, row), 1].reduce((sum, value, place) => sum + value * itemAt(fit, place, 'weight'), 0)
  let squares = 0
  let trace = 0
  for (const [row, label] of rows.labels.entries()) {
    for (const [unit, fit] of fits.entries()) squares += ((unit === label ? 1 : 0) - at(fit, row)) ** 2
    const alone = Int32Array.from({ length: count }, (_, other) => (other === row ? 1 : 0))
    trace += at(byRows({ ...rows, labels: alone }, lambda, 1), row)
  }
  return squares / count / (1 - trace / count) ** 2
}

describe('linear discriminant analysis from sums', () => {
  const rows = drawn(60, 2)

  it('has the discriminants of the shrunk covariance, to a constant that all classes share', async () => {
    const found = await lda(await sumsOf(rows), { strength: 0.1 })
    const { means, covariance } = momentsOf(rows)
    const unit = covariance.reduce((sum, row, at) => sum + itemAt(row, at, 'variance'), 0) / WIDTH
    const shrunk = covariance.map((row, i) =>
      row.map((value, j) => (value + (i === j ? 0.1 * unit : 0)) / 1.1),
    )
    const x = rowOf(rows, 4)
    const expected = means.map((mean) => {
      const solved = eliminated(shrunk, mean)
      return solved.reduce(
        (sum, value, at) => sum + value * (itemAt(x, at, 'x') - itemAt(mean, at, 'mean') / 2),
        0,
      )
    })
    const got = answer(found, x)
    const against = (values: readonly number[]) => values.map((value) => value - itemAt(values, 0, 'value'))
    expect(against(got)).toEqual(against(expected).map((value) => expect.closeTo(value, 4)))
  })

  it('leaves rows out as if it had been fitted without them', async () => {
    const { leftOut, strength } = await lda(await sumsOf(rows), { rows, weighting: 'counts' })
    // As a row less changes the priors a little, they are given.
    const priors = Float64Array.of(30, 20, 10)
    const given = await lda(await sumsOf(rows), { rows, priors, strength })
    expect(leftOut).toEqual(given.leftOut)
    const lambda = strength * unitOf(rows, true)
    for (const row of [0, 7, 59]) {
      const less = without(rows, row)
      const own = lambda / unitOf(less, true)
      const again = await lda(await sumsOf(less), { priors, strength: own })
      // The scatter of the other rows is shrunk by the same amount, not the same share.
      const scale = (1 + strength) / (1 + own)
      const expected = answer(again, rowOf(rows, row)).map(
        (value, unit) =>
          (value - Math.log(itemAt(priors, unit, 'p') / 60)) * scale +
          Math.log(itemAt(priors, unit, 'p') / 60),
      )
      const got = [...(given.leftOut as Float64Array).subarray(row * CLASSES, (row + 1) * CLASSES)]
      const against = (values: readonly number[]) => values.map((value) => value - itemAt(values, 0, 'value'))
      expect(against(got)).toEqual(against(expected).map((value) => expect.closeTo(value, 4)))
    }
  })

  it('shrinks by the sums alone as Chen et al. say, worked out from the covariance', async () => {
    const { strength, chosenBy } = await lda(await sumsOf(rows))
    expect(chosenBy).toBe('sums')
    const { covariance } = momentsOf(rows)
    const trace = covariance.reduce((sum, row, at) => sum + itemAt(row, at, 'variance'), 0)
    const squares = covariance.flat().reduce((sum, value) => sum + value ** 2, 0)
    const share = ((58 / 60) * squares + trace ** 2) / (62 * (squares - trace ** 2 / WIDTH))
    expect(strength).toBeCloseTo(share / (1 - share), 5)
  })
})

function momentsOf(rows: JudgedRows) {
  const means = [0, 1, 2].map((unit) => {
    const members = [...rows.labels.keys()].filter((row) => rows.labels[row] === unit)
    return Array.from(
      { length: WIDTH },
      (_, at) =>
        members.reduce((sum, row) => sum + itemAt(rowOf(rows, row), at, 'feature'), 0) / members.length,
    )
  })
  const about = Array.from(rows.labels, (label, row) =>
    rowOf(rows, row).map((value, at) => value - itemAt(itemAt(means, label, 'mean'), at, 'feature')),
  )
  const covariance = Array.from({ length: WIDTH }, (_, i) =>
    Array.from(
      { length: WIDTH },
      (__, j) =>
        about.reduce((sum, row) => sum + itemAt(row, i, 'f') * itemAt(row, j, 'f'), 0) / about.length,
    ),
  )
  return { means, covariance }
}

it('answers the same from sums of two sites as from all rows', async () => {
  const [one, other] = [drawn(40, 3), drawn(25, 4)]
  const both = {
    features: float32([65, WIDTH], [...one.features.data, ...other.features.data]),
    labels: Int32Array.of(...one.labels, ...other.labels),
  }
  const added = await ridge(addSums(await sumsOf(one), await sumsOf(other)), { strength: 0.01 })
  const whole = await ridge(await sumsOf(both), { strength: 0.01 })
  expect([...added.weights]).toEqual([...whole.weights].map((value) => expect.closeTo(value, 5)))
})
