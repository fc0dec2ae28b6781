import { UsageError } from '../../errors.ts'
import { itemAt, required } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'

/**
 * The greedy, class-balanced memory of GDumb (Prabhu et al. 2020, algorithm 1): a row that is offered is taken while its class
 * has fewer than capacity / classes seen so far; where the memory is full, a row of its largest class goes, at random.
 *
 * @param labels The class of each row.
 * @param kept Rows that are in the memory already, the first so many.
 * @param capacity From 1 on.
 * @returns rows in the memory at the end, ascending; those behind the kept ones were offered in a random order
 * @throws UsageError `memory-capacity`.
 * @example
 * greedyBalanced(Int32Array.of(0, 0, 0, 1), { kept: 3, capacity: 2 }, random) // a row of class 0, and row 3
 */
export function greedyBalanced(
  labels: Int32Array,
  { kept, capacity }: { readonly kept: number; readonly capacity: number },
  random: RandomStream,
): Int32Array {
  if (!(Number.isInteger(capacity) && capacity >= 1)) {
    throw new UsageError(
      'memory-capacity',
      `A memory holds a whole number of rows from 1 on, not ${capacity}.`,
    )
  }
  const byClass = new Map<number, number[]>()
  let size = 0
  const rowsOf = (label: number): number[] => {
    const rows = byClass.get(label) ?? []
    byClass.set(label, rows)
    return rows
  }
  const offer = (row: number): void => {
    const rows = rowsOf(itemAt(labels, row, 'label'))
    if (rows.length >= capacity / byClass.size) return
    if (size >= capacity) {
      const largest = [...byClass.values()].reduce((most, one) => (one.length > most.length ? one : most))
      largest.splice(random.integer(largest.length), 1)
      size--
    }
    rows.push(row)
    size++
  }
  for (let row = 0; row < kept; row++) {
    rowsOf(itemAt(labels, row, 'label')).push(row)
    size++
  }
  for (const place of random.permutation(labels.length - kept)) offer(kept + place)
  return Int32Array.from([...byClass.keys()].flatMap((label) => required(byClass, label, 'class'))).sort()
}
