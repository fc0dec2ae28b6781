import { openTurns, type Turns } from '../../engine/turns.ts'
import { addOuterProduct, type FeatureSums } from '../../evaluate/sums.ts'
import {
  balanced,
  centredMeans,
  checkRows,
  classWeights,
  type FitOptions,
  type Fitted,
  meanEigenvalue,
  meanOf,
  product,
  products,
  rowOf,
  strengths,
  total,
} from './classifier.ts'
import { choosingRows, firm, type Judged, judgedAbout, leastOf, shift } from './strength.ts'
import {
  fromTridiagonal,
  type Shifted,
  type Tridiagonal,
  toTridiagonal,
  tridiagonalise,
} from './tridiagonal.ts'

export interface RidgeOptions extends FitOptions {
  /** Whether logits have an offset a class. Default true. */
  readonly intercept?: boolean | undefined
}

/**
 * Ridge regression on one-hot targets from sums: W = C (G + lambda I)^-1, G the Gram matrix of the features and C the sums of the classes,
 * both about the mean where there is an intercept. Classes without rows get zeros.
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
  const classes = counts.length
  if (rows) checkRows(rows, sums)
  const weights = classWeights(counts, weighting)
  const centre = intercept ? meanOf(sums, weights) : new Float64Array(width)
  const means = centredMeans(sums, centre)
  const gram = sums.scatter.slice()
  for (const [unit, weight] of weights.entries()) {
    if (weight > 0) addOuterProduct(gram, rowOf(means, unit, width), weight)
  }
  const unit = meanEigenvalue(gram, width)
  const form = await tridiagonalise(gram, width, turn)
  const targets = means.map((value, at) => value * (weights[Math.floor(at / width)] as number))
  for (let row = 0; row < classes; row++) toTridiagonal(form, rowOf(targets, row, width))
  const problem: Problem = { form, targets, weights, intercept, counts, width, unit }
  const judged = rows && (await judgedAbout(form, rows, centre, turn))
  const { strength: wanted, chosenBy } = await chosen(
    problem,
    options.chooseBy === 'sums' ? undefined : judged,
    options.strength,
    turn,
  )
  const { strength, factored } = firm(problem, wanted)
  const leftOut = judged && leaveOut(problem, factored, judged)
  const solution = solved(problem, factored)
  for (let row = 0; row < classes; row++) fromTridiagonal(form, rowOf(solution, row, width))
  const all = total(weights)
  const biases = weights.map((weight, row) =>
    intercept && weight > 0 ? weight / all - product(rowOf(solution, row, width), centre) : 0,
  )
  return { weights: solution, biases, strength, chosenBy, leftOut }
}

interface Problem {
  readonly form: Tridiagonal
  /** Right-hand sides in the coordinates of T, [K, D]. */
  readonly targets: Float64Array
  readonly weights: Float64Array
  readonly counts: Float64Array
  readonly intercept: boolean
  readonly width: number
  /** The mean eigenvalue, in which strengths count. */
  readonly unit: number
}

function solved({ targets, width, weights }: Problem, factored: Shifted): Float64Array {
  const solution = new Float64Array(targets.length)
  for (let row = 0; row < weights.length; row++) {
    solution.set(factored.solve(rowOf(targets, row, width)), row * width)
  }
  return solution
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
    return rows ? press(problem, factored, rows) : generalised(problem, factored, strength)
  }
  return { strength: await leastOf(strengths, error, turn), chosenBy: judged ? 'leave-one-out' : 'sums' }
}

/** (RSS / N) / (1 - df / N)^2, df the trace of the hat matrix. */
function generalised(problem: Problem, factored: Shifted, strength: number): number {
  const { targets, weights, counts, width, unit, intercept } = problem
  const [rows, all, lambda] = [total(counts), total(weights), strength * unit]
  let squares = 0
  for (const [row, weight] of weights.entries()) {
    const target = rowOf(targets, row, width)
    const solution = factored.solve(target)
    // s' T s = s' p - lambda s' s, as (T + lambda) s = p.
    squares +=
      weight -
      (intercept ? weight ** 2 / all : 0) -
      product(target, solution) -
      lambda * product(solution, solution)
  }
  const freedom = (intercept ? 1 : 0) + width - lambda * factored.inverseTrace()
  return freedom < rows ? squares / rows / (1 - freedom / rows) ** 2 : Number.POSITIVE_INFINITY
}

/** The mean square of what is left of a row's targets by the regression without the row. */
function press(problem: Problem, factored: Shifted, judged: Judged): number {
  const { weights } = problem
  const share = balanced(judged.labels)
  const answers = leaveOut(problem, factored, judged)
  let sum = 0
  for (const [row, label] of judged.labels.entries()) {
    for (const [unit, answer] of rowOf(answers, row, weights.length).entries()) {
      sum += (share[row] as number) * ((unit === label ? 1 : 0) - answer) ** 2
    }
  }
  return sum
}

/** What the regression without a row answers for it: y - (y - a) / (1 - h), h the row's leverage; [N, K]. */
function leaveOut(problem: Problem, factored: Shifted, { features, labels }: Judged): Float64Array {
  const { weights, counts, width, intercept } = problem
  const classes = weights.length
  const all = total(weights)
  const solution = solved(problem, factored)
  const answers = products(features, solution, width)
  for (const [row, label] of labels.entries()) {
    const own = rowOf(features, row, width)
    const weight = (weights[label] as number) / (counts[label] as number)
    const leverage = weight * ((intercept ? 1 / all : 0) + product(own, factored.solve(own)))
    for (let unit = 0; unit < classes; unit++) {
      const target = unit === label ? 1 : 0
      const offset = intercept ? (weights[unit] as number) / all : 0
      const answer = offset + (answers[row * classes + unit] as number)
      answers[row * classes + unit] = target - (target - answer) / Math.max(1 - leverage, 1e-9)
    }
  }
  return answers
}
