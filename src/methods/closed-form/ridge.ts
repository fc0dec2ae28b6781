import { openTurns, type Turns } from '../../engine/turns.ts'
import type { FeatureSums } from '../../evaluate/sums.ts'
import {
  balanced,
  centredMeans,
  checkRows,
  classWeights,
  type FitOptions,
  type Fitted,
  meanOf,
  meanOfTrace,
  product,
  products,
  rowOf,
  strengths,
  total,
  traceOf,
} from './classifier.ts'
import { inverseOf, transposed } from './dense.ts'
import { scatterForm } from './scatter-form.ts'
import { choosingRows, firm, type Judged, judgedAbout, leastOf, shift } from './strength.ts'
import { fromTridiagonal, type Shifted, type Tridiagonal, toTridiagonal } from './tridiagonal.ts'

export interface RidgeOptions extends FitOptions {
  /** Whether logits have an offset a class. Default true. */
  readonly intercept?: boolean | undefined
}

/**
 * Ridge regression on one-hot targets from sums: W = C (G + lambda I)^-1, G the Gram matrix of the features and C the sums of the classes,
 * both about the mean where there is an intercept. Classes without rows get zeros. What is decomposed is the scatter within classes, which
 * discriminant analysis decomposes, too: classes are few beside features, and come in by Woodbury's formula.
 *
 * lambda is chosen by leaving out each of the rows at hand in its turn, exactly, by way of its leverage (Allen 1974: PRESS), each class
 * counting alike; without rows by generalised cross-validation (Golub, Heath & Wahba 1979), which the sums give. With `weighting: 'equal'`
 * each class counts alike; the scatter within classes is then taken for the same in all, as there is one for all of them.
 *
 * @throws UsageError `features-constant`, `judged-rows`; TrainingError `interrupted`.
 * @example
 * const { weights, biases } = await ridge(sums, { rows: { features, labels } })
 */
export async function ridge(sums: FeatureSums, options: RidgeOptions = {}): Promise<Fitted> {
  const { weighting = 'equal', intercept = true, rows, turn = openTurns() } = options
  const { counts, width } = sums
  if (rows) checkRows(rows, sums)
  const weights = classWeights(counts, weighting)
  const centre = intercept ? meanOf(sums, weights) : new Float64Array(width)
  const means = centredMeans(sums, centre)
  // The Gram matrix is the scatter within classes and what lies between them, w_k m_k m_k' for each class.
  const between = weights.map(
    (weight, unit) => weight * product(rowOf(means, unit, width), rowOf(means, unit, width)),
  )
  const unit = meanOfTrace(traceOf(sums.scatter, width) + total(between), width)
  const form = await scatterForm(sums, turn)
  for (let row = 0; row < counts.length; row++) toTridiagonal(form, rowOf(means, row, width))
  const problem: Problem = { form, means, weights, intercept, counts, width, unit }
  const judged = rows && (await judgedAbout(form, rows, centre, turn))
  const { strength: wanted, chosenBy } = await chosen(
    problem,
    options.chooseBy === 'sums' ? undefined : judged,
    options.strength,
    turn,
  )
  const { strength, factored } = firm(problem, wanted)
  const inverse = inverted(problem, factored)
  const leftOut = judged && leaveOut(problem, inverse, judged)
  const solution = solved(problem, inverse)
  for (let row = 0; row < counts.length; row++) fromTridiagonal(form, rowOf(solution, row, width))
  const all = total(weights)
  const biases = weights.map((weight, row) =>
    intercept && weight > 0 ? weight / all - product(rowOf(solution, row, width), centre) : 0,
  )
  return { weights: solution, biases, strength, chosenBy, leftOut }
}

interface Problem {
  readonly form: Tridiagonal
  /** Class means about the centre in the coordinates of T, [K, D]. */
  readonly means: Float64Array
  readonly weights: Float64Array
  readonly counts: Float64Array
  readonly intercept: boolean
  readonly width: number
  /** The mean eigenvalue of the Gram matrix, in which strengths count. */
  readonly unit: number
}

/**
 * The inverse of G + lambda I = A + M' W M, A = T + lambda I the scatter, M the class means and W their weights, by way of A^-1 (Woodbury):
 * A^-1 - V' E V with V = M A^-1 and E = W^(1/2) (I + W^(1/2) M A^-1 M' W^(1/2))^-1 W^(1/2).
 */
interface Inverse {
  readonly factored: Shifted
  /** V, [K, D]. */
  readonly towards: Float64Array
  /** E, [K, K]; C (G + lambda I)^-1 is E V. */
  readonly mixing: Float64Array
}

function inverted({ means, weights, width }: Problem, factored: Shifted): Inverse {
  const classes = weights.length
  const towards = new Float64Array(means.length)
  for (let unit = 0; unit < classes; unit++) {
    towards.set(factored.solve(rowOf(means, unit, width)), unit * width)
  }
  const roots = weights.map(Math.sqrt)
  const mixed = products(means, towards, width)
  for (let row = 0; row < classes; row++) {
    for (let column = 0; column < classes; column++) {
      const at = row * classes + column
      const value = (roots[row] as number) * (mixed[at] as number) * (roots[column] as number)
      mixed[at] = value + (row === column ? 1 : 0)
    }
  }
  const mixing = inverseOf(mixed, classes)
  for (let at = 0; at < mixing.length; at++) {
    mixing[at] =
      (mixing[at] as number) * (roots[Math.floor(at / classes)] as number) * (roots[at % classes] as number)
  }
  return { factored, towards, mixing }
}

/** C (G + lambda I)^-1, [K, D]. */
function solved({ width, weights }: Problem, { towards, mixing }: Inverse): Float64Array {
  return products(mixing, transposed(towards, weights.length, width), weights.length)
}

async function chosen(
  problem: Problem,
  judged: Judged | undefined,
  given: number | undefined,
  turn: Turns,
): Promise<Pick<Fitted, 'strength' | 'chosenBy'>> {
  if (given !== undefined) return { strength: given, chosenBy: 'given' }
  const rows = judged && choosingRows(judged, problem.counts.length)
  const error = (strength: number): number => {
    const factored = shift(problem, strength)
    if (!factored) return Number.POSITIVE_INFINITY
    const inverse = inverted(problem, factored)
    return rows ? press(problem, inverse, rows) : generalised(problem, inverse, strength)
  }
  return { strength: await leastOf(strengths, error, turn), chosenBy: judged ? 'leave-one-out' : 'sums' }
}

/** (RSS / N) / (1 - df / N)^2, df the trace of the hat matrix. */
function generalised(problem: Problem, inverse: Inverse, strength: number): number {
  const { means, weights, counts, width, unit, intercept } = problem
  const [rows, all, lambda] = [total(counts), total(weights), strength * unit]
  const solution = solved(problem, inverse)
  let squares = 0
  for (const [row, weight] of weights.entries()) {
    const own = rowOf(solution, row, width)
    // s' G s = s' p - lambda s' s, as (G + lambda) s = p = w m.
    squares +=
      weight -
      (intercept ? weight ** 2 / all : 0) -
      weight * product(rowOf(means, row, width), own) -
      lambda * product(own, own)
  }
  const { factored, towards, mixing } = inverse
  const trace = factored.inverseTrace() - product(mixing, products(towards, towards, width))
  const freedom = (intercept ? 1 : 0) + width - lambda * trace
  return freedom < rows ? squares / rows / (1 - freedom / rows) ** 2 : Number.POSITIVE_INFINITY
}

/** The mean square of what is left of a row's targets by the regression without the row. */
function press(problem: Problem, inverse: Inverse, judged: Judged): number {
  const { weights } = problem
  const share = balanced(judged.labels)
  const answers = leaveOut(problem, inverse, judged)
  let sum = 0
  for (const [row, label] of judged.labels.entries()) {
    for (const [unit, answer] of rowOf(answers, row, weights.length).entries()) {
      sum += (share[row] as number) * ((unit === label ? 1 : 0) - answer) ** 2
    }
  }
  return sum
}

/** What the regression without a row answers for it: y - (y - a) / (1 - h), h the row's leverage; [N, K]. */
function leaveOut(
  { weights, counts, width, intercept }: Problem,
  { factored, towards, mixing }: Inverse,
  { features, labels }: Judged,
): Float64Array {
  const classes = weights.length
  const all = total(weights)
  const along = products(features, towards, width)
  const answers = products(along, mixing, classes)
  for (const [row, label] of labels.entries()) {
    const own = rowOf(features, row, width)
    const mixed = product(rowOf(along, row, classes), rowOf(answers, row, classes))
    const weight = (weights[label] as number) / (counts[label] as number)
    const leverage = weight * ((intercept ? 1 / all : 0) + product(own, factored.solve(own)) - mixed)
    for (let unit = 0; unit < classes; unit++) {
      const target = unit === label ? 1 : 0
      const offset = intercept ? (weights[unit] as number) / all : 0
      const answer = offset + (answers[row * classes + unit] as number)
      answers[row * classes + unit] = target - (target - answer) / Math.max(1 - leverage, 1e-9)
    }
  }
  return answers
}
