import { classLabels, type Dataset } from '../data/dataset.ts'
import { wilson } from '../measure/wilson.ts'
import { itemAt } from '../required.ts'

/** Held-out new rows of one class. Accuracies are fractions. */
export interface ClassAccuracy {
  readonly name: string
  /** Whether the update added it. */
  readonly added: boolean
  /** New rows of it that were trained on. */
  readonly trained: number
  readonly n: number
  readonly before: number
  readonly after: number
  /** Wilson's interval of `after`, 95 %. */
  readonly lower: number
  readonly upper: number
}

export interface ByClassOptions {
  readonly classes: readonly string[]
  /** Classes from here on were added. */
  readonly oldClasses: number
  readonly train: Dataset
  /** Rows that are measured on, and what is answered for them. */
  readonly measured: Dataset
  readonly before: Int32Array
  readonly after: Int32Array
}

/** New accuracy by class, for each class that held-out new rows have, in the order of the outputs. */
export function newByClass({
  classes,
  oldClasses,
  train,
  measured,
  before,
  after,
}: ByClassOptions): ClassAccuracy[] {
  const zeros = () => new Int32Array(classes.length)
  const [n, was, is, trained] = [zeros(), zeros(), zeros(), zeros()]
  const add = (counts: Int32Array, unit: number) => {
    counts[unit] = itemAt(counts, unit, 'class') + 1
  }
  for (const label of classLabels(train)) add(trained, label)
  for (const [row, label] of classLabels(measured).entries()) {
    add(n, label)
    if (before[row] === label) add(was, label)
    if (after[row] === label) add(is, label)
  }
  return classes.flatMap((name, unit) => {
    const total = itemAt(n, unit, 'class')
    if (total === 0) return []
    const right = itemAt(is, unit, 'class')
    return [
      {
        ...{ name, added: unit >= oldClasses, trained: itemAt(trained, unit, 'class'), n: total },
        before: itemAt(was, unit, 'class') / total,
        after: right / total,
        ...wilson(right, total),
      },
    ]
  })
}
