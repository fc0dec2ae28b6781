import type { FeatureSums } from '../../evaluate/sums.ts'
import type { RandomStream } from '../../tensor/random.ts'
import type { Contest } from './calibrate.ts'
import { balanced, type Classifier, type JudgedRows, products, rowOf } from './classifier.ts'
import { drawLogits, logitMoments } from './moments.ts'

/** Old rows' logits are drawn where there are none at hand: so many of each class. */
const DRAWN = 50

export interface ContestOptions {
  readonly sums: FeatureSums
  readonly oldClasses: number
  /** Its rows of old classes stand against those of the new classes of `fresh`. */
  readonly old: Classifier
  readonly fresh: Classifier
  readonly rows: JudgedRows
  /** What each row is answered without itself, [N, classes], for the logits that were worked out. */
  readonly leftOut: { readonly old: Float64Array | undefined; readonly fresh: Float64Array }
  /** Whether old rows are drawn from the Gaussians of their classes. */
  readonly draw: boolean
  readonly random: RandomStream
}

/** Old and new rows, each class counting alike, with the logits that stand against each other. */
export function contestOf(options: ContestOptions): Contest {
  const { sums, oldClasses, rows, draw } = options
  const parts = [ofRows(options), ...(draw ? [drawn(options)] : [])]
  const labels = Int32Array.from([...rows.labels, ...(parts[1]?.labels ?? [])])
  const classes = sums.counts.length
  const gathered = (from: number, to: number): Float64Array => {
    const width = to - from
    const values = new Float64Array(labels.length * width)
    let row = 0
    for (const { logits } of parts) {
      for (let at = 0; at * classes < logits.length; at++, row++) {
        values.set(rowOf(logits, at, classes).subarray(from, to), row * width)
      }
    }
    return values
  }
  return {
    old: gathered(0, oldClasses),
    fresh: gathered(oldClasses, classes),
    labels,
    shares: balanced(labels),
  }
}

function ofRows({ sums, oldClasses, old, rows, leftOut }: ContestOptions) {
  const { width } = sums
  const classes = sums.counts.length
  const logits = leftOut.fresh.slice()
  const answered = leftOut.old ?? answers(old, Float64Array.from(rows.features.data), width)
  for (let row = 0; row < rows.labels.length; row++) {
    logits.set(rowOf(answered, row, classes).subarray(0, oldClasses), row * classes)
  }
  return { logits, labels: rows.labels }
}

/** What a classifier answers for features [N, D], [N, classes]. */
function answers({ weights, biases }: Classifier, features: Float64Array, width: number): Float64Array {
  const logits = products(features, weights, width)
  for (let at = 0; at < logits.length; at++) {
    logits[at] = (logits[at] as number) + (biases[at % biases.length] as number)
  }
  return logits
}

function drawn({ sums, oldClasses, old, fresh, random }: ContestOptions) {
  const { width } = sums
  const classes = Array.from({ length: oldClasses }, (_, unit) => unit).filter(
    (unit) => sums.counts[unit] !== 0,
  )
  const both: Classifier = {
    weights: fresh.weights.map((value, at) =>
      at < oldClasses * width ? (old.weights[at] as number) : value,
    ),
    biases: fresh.biases.map((value, unit) => (unit < oldClasses ? (old.biases[unit] as number) : value)),
  }
  return drawLogits(logitMoments(sums, both), classes, DRAWN, random)
}
