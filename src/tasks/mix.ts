import { itemAt } from '../required.ts'
import { randomStream } from '../tensor/random.ts'

/**
 * How the share of a new task's rows grows in a border, from 0 to 1: in a straight line, or as (1 - cos) / 2, which begins and ends
 * gently.
 */
export const borderShapes = ['linear', 'cosine'] as const

export type BorderShape = (typeof borderShapes)[number]

/** Where rows of two tasks mix. */
export interface Border {
  /** Of the mixing, half of it before a border and half behind, in tasks: 0 (one after the other) to 1. */
  readonly width: number
  readonly shape: BorderShape
}

export interface MixOptions extends Border {
  /** How many rows each task has. */
  readonly counts: readonly number[]
  /** How many are drawn of each, in shuffled passes over its rows. */
  readonly draws: readonly number[]
  readonly seed: number
}

/** Bits of a whole number that a double holds exactly. */
const BITS = 52

/**
 * Lays the rows of tasks along a line and mixes them around its borders. Draw j of the n of task k lies at k + j / n, and is moved by a
 * random number: uniform in [-w/2, w/2] where the share of the new task grows in a straight line over the width w, and otherwise of the
 * distribution whose cumulative function is the shape. So each row is met as often as it is drawn, whatever the width, and at any
 * place at most two tasks are.
 *
 * @returns Rows, those of each task counted on behind those of the tasks before.
 */
export function mixRows({ counts, draws, width, shape, seed }: MixOptions): Int32Array {
  const total = draws.reduce((sum, count) => sum + count, 0)
  const rows = new Int32Array(total)
  // Sorted as numbers: a place on the line in the upper bits, the draw in the lower ones.
  const places = 2 ** Math.ceil(Math.log2(Math.max(2, total)))
  const fineness = Math.floor(2 ** BITS / places / (counts.length + 2))
  const keys = new Float64Array(total)
  let [at, before] = [0, 0]
  for (const [task, count] of counts.entries()) {
    const drawn = itemAt(draws, task, 'count of draws')
    const order = randomStream(seed, `mix/${task}/rows`)
    const moves = randomStream(seed, `mix/${task}/places`)
    for (let done = 0; done < drawn; ) {
      for (const row of order.permutation(count).subarray(0, drawn - done)) {
        const place = task + done / drawn + width * offset(shape, moves.uniform())
        keys[at] = Math.floor((place + 1) * fineness) * places + at
        rows[at] = before + row
        at++
        done++
      }
    }
    before += count
  }
  keys.sort()
  return Int32Array.from(keys, (key) => rows[key % places] ?? 0)
}

/** Where the share is u, from the middle of a border of width 1. */
const offset = (shape: BorderShape, u: number): number =>
  shape === 'linear' ? u - 0.5 : Math.acos(1 - 2 * u) / Math.PI - 0.5
