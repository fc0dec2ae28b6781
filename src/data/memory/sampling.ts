import { CheckpointError, DataError, UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { type RandomState, type RandomStream, resumeStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { classLabels, type Dataset } from '../dataset.ts'
import { describe } from '../rows.ts'

/** Decides online which items of a stream to keep. It plans in numbers; whoever asks holds the rows. */
export interface Reservoir {
  readonly capacity: number
  /** Items offered so far. */
  readonly seen: number
  /** The slot in which to keep the next item of the stream, or undefined to let it pass. */
  offer(): number | undefined
  state(): ReservoirState
}

export interface ReservoirState {
  readonly capacity: number
  readonly seen: number
  readonly random: RandomState
}

/**
 * Reservoir sampling (Vitter 1985, algorithm R): at any time each of the items seen so far is kept with the same
 * probability, capacity / seen, without knowing how many will come.
 *
 * @param random Belongs to the reservoir from here on.
 * @throws UsageError `memory-capacity`.
 * @example
 * const keep = reservoir(200, randomStream(1, 'reservoir'))
 * for (const row of rows) {
 *   const slot = keep.offer()
 *   if (slot !== undefined) kept[slot] = row
 * }
 */
export function reservoir(capacity: number, random: RandomStream): Reservoir {
  checkCapacity(capacity)
  return reservoirFrom(capacity, 0, random)
}

/** @throws CheckpointError `reservoir-state`. */
export function resumeReservoir({ capacity, seen, random }: ReservoirState): Reservoir {
  if (!Number.isInteger(seen) || seen < 0 || !Number.isInteger(capacity) || capacity < 0) {
    throw new CheckpointError(
      'reservoir-state',
      `This is not where a reservoir can stand: capacity ${capacity}, seen ${seen}.`,
    )
  }
  return reservoirFrom(capacity, seen, resumeStream(random))
}

function reservoirFrom(capacity: number, start: number, random: RandomStream): Reservoir {
  let seen = start
  return {
    capacity,
    get seen() {
      return seen
    },
    offer() {
      seen++
      const slot = seen <= capacity ? seen - 1 : random.integer(seen)
      return slot < capacity ? slot : undefined
    },
    state: () => ({ capacity, seen, random: random.state() }),
  }
}

/**
 * `perClass` rows of each class at random (all of a class that has fewer), classes ascending: the memory of a task at its end.
 *
 * @throws UsageError `per-class`; DataError `data-labels` for data without classes.
 */
export const chooseBalanced = (dataset: Dataset, perClass: number, random: RandomStream): Int32Array =>
  chooseOfLabels(classLabels(dataset), perClass, random)

/** The same by the class of each row. */
export function chooseOfLabels(labels: Int32Array, perClass: number, random: RandomStream): Int32Array {
  const chosen = [...rowsByClass(labels, perClass)].flatMap(([, rows]) =>
    Array.from(random.choose(rows.length, Math.min(perClass, rows.length)), (place) =>
      itemAt(rows, place, 'row of a class'),
    ),
  )
  return Int32Array.from(chosen)
}

/**
 * Herding (Welling 2009, as in iCaRL, Rebuffi et al. 2017, algorithm 4): row by row the one that brings the mean of the chosen
 * features nearest to the class's mean, features scaled to length 1. The first k of a class are the best k, so a smaller
 * memory keeps the beginning of each class.
 *
 * @param features float32 [N, D], one row for each sample.
 * @param labels Class of each row, int32 [N].
 * @returns `perClass` rows of each class (all of a class that has fewer), classes ascending, each in order of choice.
 * @throws UsageError `per-class`; DataError `features` when they do not fit the labels or are not finite.
 */
export function herding(features: Tensor<'float32'>, labels: Int32Array, perClass: number): Int32Array {
  const [rows = 0, width = 0] = features.dims
  if (features.dims.length !== 2 || rows !== labels.length) {
    throw new DataError(
      'features',
      `Herding needs float32 [${labels.length}, D] features, found ${describe(features)}.`,
    )
  }
  const unit = new Float64Array(features.data)
  for (let row = 0; row < rows; row++) {
    const vector = unit.subarray(row * width, (row + 1) * width)
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
    if (!Number.isFinite(length))
      throw new DataError('features', `Row ${row} of the features is not finite; herding needs numbers.`)
    if (length > 0) for (let i = 0; i < width; i++) vector[i] = (vector[i] ?? 0) / length
  }
  const chosen = [...rowsByClass(labels, perClass)].flatMap(([, members]) =>
    herdClass(unit, width, members, perClass),
  )
  return Int32Array.from(chosen)
}

/**
 * With the mean m of the class and the sum s of k - 1 chosen rows, |m - (s + x) / k|^2 = |m - s / k|^2 + |x|^2 / k^2 - 2 x (m - s / k) / k:
 * one product of vectors a row, as the first term is the same for all.
 */
function herdClass(
  unit: Float64Array,
  width: number,
  members: readonly number[],
  perClass: number,
): number[] {
  const mean = new Float64Array(width)
  const squares = new Float64Array(members.length)
  for (const [place, row] of members.entries()) {
    for (let i = 0; i < width; i++) {
      const value = unit[row * width + i] as number
      mean[i] = (mean[i] as number) + value / members.length
      squares[place] = (squares[place] as number) + value * value
    }
  }
  const sum = new Float64Array(width)
  const missing = new Float64Array(width)
  const taken = new Uint8Array(members.length)
  const chosen: number[] = []
  while (chosen.length < perClass && chosen.length < members.length) {
    const count = chosen.length + 1
    for (let i = 0; i < width; i++) missing[i] = (mean[i] as number) - (sum[i] as number) / count
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let place = 0; place < members.length; place++) {
      if (taken[place] === 1) continue
      const from = (members[place] as number) * width
      let along = 0
      for (let i = 0; i < width; i++) along += (unit[from + i] as number) * (missing[i] as number)
      const distance = (squares[place] as number) / count - 2 * along
      if (distance < least) {
        least = distance
        best = place
      }
    }
    const row = itemAt(members, best, 'row of a class')
    for (let i = 0; i < width; i++) sum[i] = (sum[i] as number) + (unit[row * width + i] as number)
    taken[best] = 1
    chosen.push(row)
  }
  return chosen
}

function rowsByClass(labels: Int32Array, perClass: number): Map<number, number[]> {
  if (!Number.isInteger(perClass) || perClass < 1) {
    throw new UsageError(
      'per-class',
      `The number of exemplars of each class is a whole number from 1 on, but it is ${perClass}.`,
    )
  }
  const byClass = new Map<number, number[]>()
  for (const [row, label] of labels.entries()) {
    const rows = byClass.get(label)
    if (rows) rows.push(row)
    else byClass.set(label, [row])
  }
  return new Map([...byClass].sort(([a], [b]) => a - b))
}

/** @throws UsageError `memory-capacity`. */
function checkCapacity(capacity: number): void {
  if (!Number.isInteger(capacity) || capacity < 0) {
    throw new UsageError(
      'memory-capacity',
      `A memory's capacity is a whole number from 0 on, but it is ${capacity}.`,
    )
  }
}
