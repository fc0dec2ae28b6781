import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDataset, samples } from '../data/dataset.ts'
import { itemAt } from '../required.ts'
import { type BorderShape, borderShapes, mixRows } from './mix.ts'
import { splitStream } from './split.ts'
import { jointUpTo, type TaskStream } from './stream.ts'
import { untoldStream } from './untold.ts'

const mixed = (counts: readonly number[], width: number, shape: BorderShape = 'linear', seed = 1) =>
  mixRows({ counts, draws: counts, width, shape, seed })

/** The task of each row met. */
const tasksOf = (rows: Int32Array, counts: readonly number[]): number[] => {
  const ends = counts.map((_, task) => counts.slice(0, task + 1).reduce((sum, count) => sum + count, 0))
  return [...rows].map((row) => ends.findIndex((end) => row < end))
}

describe('mixRows', () => {
  it('meets every row as often as it is drawn, whatever the width', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(...borderShapes),
        fc.integer({ min: 1, max: 3 }),
        (counts, width, shape, passes) => {
          const draws = counts.map((count) => count * passes)
          const rows = mixRows({ counts, draws, width, shape, seed: 1 })
          const met = new Map<number, number>()
          for (const row of rows) met.set(row, (met.get(row) ?? 0) + 1)
          expect(met.size).toBe(counts.reduce((sum, count) => sum + count, 0))
          expect([...met.values()].every((times) => times === passes)).toBe(true)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('keeps tasks apart at a width of 0, each in another order', () => {
    const rows = mixed([30, 20, 10], 0)
    expect(tasksOf(rows, [30, 20, 10])).toEqual([
      ...new Array(30).fill(0),
      ...new Array(20).fill(1),
      ...new Array(10).fill(2),
    ])
    expect([...rows.subarray(0, 30)]).not.toEqual(Array.from({ length: 30 }, (_, row) => row))
  })

  it.each(borderShapes)('lets the share of the new task grow by the shape %s', (shape) => {
    const count = 40_000
    const width = 0.5
    const tasks = tasksOf(mixed([count, count], width, shape), [count, count])
    const share = (from: number, to: number) => {
      const met = tasks.slice(Math.round(from * count), Math.round(to * count))
      return met.reduce((sum, task) => sum + task, 0) / met.length
    }
    const grown = (x: number) => (shape === 'linear' ? x : (1 - Math.cos(Math.PI * x)) / 2)
    expect(share(0, 0.75)).toBe(0)
    expect(share(1.25, 2)).toBe(1)
    for (const x of [0.1, 0.3, 0.5, 0.7, 0.9]) {
      const middle = 1 + width * (x - 0.5)
      expect(share(middle - 0.005, middle + 0.005)).toBeCloseTo(grown(x), 1)
    }
  })

  it('follows the seed, and nothing else', () => {
    expect(mixed([50, 50], 0.5)).toEqual(mixed([50, 50], 0.5))
    expect(mixed([50, 50], 0.5)).not.toEqual(mixed([50, 50], 0.5, 'linear', 2))
  })
})

const ROWS = 12
/** Six classes of 12 rows, each row another number. */
const digits = (() => {
  const labels = Int32Array.from({ length: 6 * ROWS }, (_, row) => row % 6)
  return createDataset({
    name: 'numbers',
    synthetic: true,
    classes: ['a', 'b', 'c', 'd', 'e', 'f'],
    inputs: { type: 'float32', dims: [6 * ROWS, 1], data: Float32Array.from(labels.keys()) },
    labels: { type: 'int32', dims: [6 * ROWS], data: labels },
  })
})()
const split = (scenario: 'class' | 'domain' | 'task' = 'class') => splitStream(digits, digits, { scenario })

const untold = (width: number, stream: TaskStream = split()) => {
  const counts = stream.tasks.map(({ train }) => samples(train))
  return untoldStream(stream, {
    ...{ width, shape: 'linear', seed: 3 },
    counts,
    draws: counts,
    piece: 2 * ROWS,
  })
}

/** Numbers and labels in the order in which a piece meets its rows. */
const met = ({ tasks }: TaskStream, index: number) => {
  const { train, order } = itemAt(tasks, index, 'piece')
  return [...(order ?? [])].map((row) => [train.inputs.data[row], train.labels.data[row]])
}

describe('untoldStream', () => {
  it('meets every row once, under its own label', () => {
    const stream = untold(0.6)
    const all = stream.tasks.flatMap(({ index }) => met(stream, index))
    expect(all.map(([number]) => number).sort((a, b) => Number(a) - Number(b))).toEqual([
      ...Array.from({ length: 6 * ROWS }).keys(),
    ])
    for (const [number, label] of all) expect(label).toBe(Number(number) % 6)
  })

  it('has rows of two tasks in a piece, and tests each task on its own', () => {
    const stream = untold(0.6)
    expect(new Set(met(stream, 0).map(([, label]) => Math.floor(Number(label) / 2)))).toEqual(new Set([0, 1]))
    expect(new Set(met(stream, 1).map(([, label]) => Math.floor(Number(label) / 2)))).toEqual(
      new Set([0, 1, 2]),
    )
    expect(stream.tasks.map(({ test }) => new Set(test.labels.data))).toEqual([
      new Set([0, 1]),
      new Set([2, 3]),
      new Set([4, 5]),
    ])
  })

  it('tells no class to come: every unit is in the softmax', () => {
    expect(untold(0).tasks.map(({ units }) => units)).toEqual(new Array(3).fill([0, 1, 2, 3, 4, 5]))
  })

  it('has of the tasks so far those that have begun', () => {
    const sharp = untold(0)
    expect(sharp.untold?.onsets).toEqual([0, 2 * ROWS, 4 * ROWS])
    expect(sharp.untold?.begun(0)).toBe(1)
    expect(samples(jointUpTo(sharp, 0))).toBe(2 * ROWS)
    const fuzzy = untold(0.6)
    expect(fuzzy.untold?.begun(0)).toBe(2)
    expect(samples(jointUpTo(fuzzy, 2))).toBe(6 * ROWS)
  })

  it('refuses the task scenario', () => {
    expect(() => untold(0, split('task'))).toThrow(expect.objectContaining({ code: 'borders-scenario' }))
  })
})
