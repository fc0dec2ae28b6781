import { UsageError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** The share of single labels on the right side of probability 1/2; a target counts as 1 above 1/2. Logits [N, K] as the targets. */
export function labelAccuracy(logits: Float32Array, targets: Float32Array): number {
  let right = 0
  for (const [at, target] of targets.entries()) if ((logits[at] ?? 0) > 0 === target > 0.5) right++
  return right / targets.length
}

/** The share of rows of which every label is right. */
export function subsetAccuracy(logits: Float32Array, { dims, data }: Tensor<'float32'>): number {
  const [rows = 0, width = 1] = dims
  const wrong = new Set<number>()
  for (const [at, target] of data.entries()) {
    if ((logits[at] ?? 0) > 0 !== target > 0.5) wrong.add(Math.floor(at / width))
  }
  return 1 - wrong.size / rows
}

/** The mean over labels of F1 = 2 TP / (2 TP + FP + FN), from logits [N, K]; a label that is never there and never answered counts 0. */
export function labelMacroF1(logits: Float32Array, { dims, data }: Tensor<'float32'>): number {
  const width = dims[1] ?? 1
  const counts = emptyCounts(width)
  for (const [at, target] of data.entries()) {
    const label = at % width
    count(counts, target > 0.5 ? label : undefined, (logits[at] ?? 0) > 0 ? label : undefined)
  }
  return meanF1(counts, () => true)
}

/**
 * The mean over classes of F1 = 2 TP / (2 TP + FP + FN); classes that are neither a label nor an answer anywhere do not count, labels
 * below 0 do not either.
 */
export function macroF1(answers: Int32Array, labels: Int32Array): number {
  const width = 1 + Math.max(0, largest(answers), largest(labels))
  const counts = emptyCounts(width)
  for (const [at, label] of labels.entries()) if (label >= 0) count(counts, label, answers[at])
  return meanF1(counts, ({ right, asked, given }) => right + asked + given > 0)
}

/** How many answers are right, of so many; labels below 0 are left out. */
export function rightAnswers(
  answers: Int32Array,
  labels: Int32Array,
): { readonly right: number; readonly counting: number } {
  let right = 0
  let counting = 0
  for (const [at, label] of labels.entries()) {
    if (label < 0) continue
    counting++
    if (answers[at] === label) right++
  }
  return { right, counting }
}

/**
 * The share of the targets' variance that is explained, R^2 = 1 - sum (y - f)^2 / sum (y - mean y)^2 with a mean for each target, and 0
 * where that is negative, so that it stays a fraction: 0 is no better than always answering the mean.
 */
export function explainedVariance(answers: Float32Array, { dims, data }: Tensor<'float32'>): number {
  const [rows = 0, width = 0] = dims
  const means = new Float64Array(width)
  for (const [at, target] of data.entries()) means[at % width] = (means[at % width] ?? 0) + target / rows
  let error = 0
  let variance = 0
  for (const [at, target] of data.entries()) {
    error += (target - (answers[at] ?? 0)) ** 2
    variance += (target - (means[at % width] ?? 0)) ** 2
  }
  if (variance === 0) return error === 0 ? 1 : 0
  return Math.max(0, 1 - error / variance)
}

/** @throws UsageError `score-kind` always: the score is none for such labels. */
export function refuseScore(score: string, labels: string): never {
  throw new UsageError(
    'score-kind',
    `The score "${score}" is not one for ${labels} labels. Leave it out, or choose one that is.`,
  )
}

interface Counts {
  right: number
  asked: number
  given: number
}

const emptyCounts = (width: number): Counts[] =>
  Array.from({ length: width }, () => ({ right: 0, asked: 0, given: 0 }))

/** `asked` and `given` count what was not right: false negatives and false positives. */
function count(counts: readonly Counts[], label: number | undefined, answer: number | undefined): void {
  const [asked, given] = [counts[label ?? -1], counts[answer ?? -1]]
  if (asked && asked === given) asked.right++
  else {
    if (asked) asked.asked++
    if (given) given.given++
  }
}

function meanF1(counts: readonly Counts[], taking: (counts: Counts) => boolean): number {
  const classes = counts.filter(taking)
  const sum = classes.reduce((total, { right, asked, given }) => {
    const all = 2 * right + asked + given
    return total + (all === 0 ? 0 : (2 * right) / all)
  }, 0)
  return classes.length === 0 ? 0 : sum / classes.length
}

const largest = (values: Int32Array): number => values.reduce((most, value) => Math.max(most, value), 0)
