import type { Turns } from '../../engine/turns.ts'
import { UsageError } from '../../errors.ts'
import type { FeatureSums } from '../../evaluate/sums.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Logits f W^T + b. */
export interface Classifier {
  /** [K, D] */
  readonly weights: Float64Array
  /** [K] */
  readonly biases: Float64Array
}

/** A classifier that was worked out from sums. */
export interface Fitted extends Classifier {
  /** The shrinkage that was taken, in units of the mean eigenvalue of what is inverted. */
  readonly strength: number
  /** What says so: rows left out one at a time, or the sums alone. */
  readonly chosenBy: 'leave-one-out' | 'sums' | 'given'
  /** Logits of the judged rows by the classifier without the row, [rows, K]; undefined where there were none. */
  readonly leftOut: Float64Array | undefined
}

/** Rows that are at hand. They are among those that were summed. */
export interface JudgedRows {
  /** float32 [N, D] */
  readonly features: Tensor<'float32'>
  readonly labels: Int32Array
}

export interface FitOptions {
  /** How much a class counts: as many rows as it has, or all the same. Default `equal`. */
  readonly weighting?: Weighting | undefined
  /** Default: chosen. */
  readonly strength?: number | undefined
  /** Rows that are answered without themselves; default none. */
  readonly rows?: JudgedRows | undefined
  /** Lets the event loop have its turn; default a turn now and then. */
  readonly turn?: Turns | undefined
  /** What chooses the strength. Default the rows, where there are some; they should then be of all classes. */
  readonly chooseBy?: 'rows' | 'sums' | undefined
}

export type Weighting = 'counts' | 'equal'

/** Strengths to choose among, half a decade apart. */
export const strengths: readonly number[] = Array.from({ length: 15 }, (_, at) => 10 ** (at / 2 - 6))

/** Class means about a centre, [K, D]; zeros for classes without rows. */
export function centredMeans({ counts, sums, width }: FeatureSums, centre: Float64Array): Float64Array {
  const means = new Float64Array(sums.length)
  for (const [unit, count] of counts.entries()) {
    if (count === 0) continue
    for (let at = 0; at < width; at++) {
      means[unit * width + at] = (sums[unit * width + at] as number) / count - (centre[at] as number)
    }
  }
  return means
}

/** What a class counts in all; together they count what the rows are. */
export function classWeights(counts: Float64Array, weighting: Weighting): Float64Array {
  if (weighting === 'counts') return counts
  const known = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0)
  const all = total(counts)
  return counts.map((count) => (count > 0 ? all / known : 0))
}

/** The mean of all features, each class counting as said. */
export function meanOf({ counts, sums, width }: FeatureSums, weights: Float64Array): Float64Array {
  const mean = new Float64Array(width)
  const all = total(weights)
  for (const [unit, count] of counts.entries()) {
    if (count === 0) continue
    const factor = (weights[unit] as number) / count / all
    for (let at = 0; at < width; at++) {
      mean[at] = (mean[at] as number) + factor * (sums[unit * width + at] as number)
    }
  }
  return mean
}

/** The sum of a matrix's diagonal, [D, D]. */
export function traceOf(matrix: Float64Array, width: number): number {
  let trace = 0
  for (let at = 0; at < width; at++) trace += matrix[at * width + at] as number
  return trace
}

/**
 * The mean eigenvalue of a symmetric matrix of a trace.
 *
 * @throws UsageError `features-constant` where there is none to speak of: no classifier can be made of features that never differ.
 */
export function meanOfTrace(trace: number, width: number): number {
  if (trace > 0 && Number.isFinite(trace)) return trace / width
  throw new UsageError(
    'features-constant',
    `All rows have the same ${width} features, so that nothing tells classes apart. More rows are needed, or features of another layer.`,
  )
}

/** Each class counts alike, whatever rows of it there are. */
export function balanced(labels: Int32Array): Float64Array {
  const counts = new Map<number, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return Float64Array.from(labels, (label) => 1 / counts.size / (counts.get(label) as number))
}

/** @throws UsageError `judged-rows` for rows of another width, or of a class that was not summed. */
export function checkRows({ features, labels }: JudgedRows, { counts, width }: FeatureSums): void {
  const [rows, found] = features.dims
  if (features.dims.length !== 2 || rows !== labels.length || found !== width) {
    throw new UsageError(
      'judged-rows',
      `Rows that choose the strength need features of float32 [${labels.length}, ${width}], found [${features.dims.join(', ')}].`,
    )
  }
  const strange = labels.find((label) => !(itemAt(counts, label, 'class') > 0))
  if (strange === undefined) return
  throw new UsageError(
    'judged-rows',
    `A row of class ${strange} is to be left out, but no row of that class was summed. Add the sums of these rows first.`,
  )
}

export const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)

export const product = (a: Float64Array, b: Float64Array): number => {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}

/** a b^T for a [N, D] and b [K, D], as [N, K]: four products at a time, each summed in order. */
export function products(a: Float64Array, b: Float64Array, width: number): Float64Array {
  const [rows, units] = [a.length / width, b.length / width]
  const found = new Float64Array(rows * units)
  for (let row = 0; row < rows; row++) {
    const from = row * width
    let unit = 0
    for (; unit + 4 <= units; unit += 4) {
      let [one, two, three, four] = [0, 0, 0, 0]
      const first = unit * width
      const [second, third, fourth] = [first + width, first + 2 * width, first + 3 * width]
      for (let at = 0; at < width; at++) {
        const value = a[from + at] as number
        one += value * (b[first + at] as number)
        two += value * (b[second + at] as number)
        three += value * (b[third + at] as number)
        four += value * (b[fourth + at] as number)
      }
      const into = row * units + unit
      found[into] = one
      found[into + 1] = two
      found[into + 2] = three
      found[into + 3] = four
    }
    for (; unit < units; unit++) {
      found[row * units + unit] = product(rowOf(a, row, width), rowOf(b, unit, width))
    }
  }
  return found
}

export const rowOf = (matrix: Float64Array, row: number, width: number): Float64Array =>
  matrix.subarray(row * width, (row + 1) * width)
