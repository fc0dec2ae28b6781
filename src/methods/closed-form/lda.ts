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
import { scatterForm } from './scatter-form.ts'
import { choosingRows, firm, type Judged, judgedAbout, leastOf, shift } from './strength.ts'
import { fromTridiagonal, type Shifted, type Tridiagonal, toTridiagonal } from './tridiagonal.ts'

export interface LdaOptions extends FitOptions {
  /** How often each class comes, [K]; default all alike (`weighting: 'equal'`), or as often as it was summed (`'counts'`). */
  readonly priors?: Float64Array | undefined
}

/**
 * Linear discriminant analysis from sums: all classes Gaussian with one covariance S, so that w_k = S^-1 m_k and
 * b_k = -m_k' S^-1 m_k / 2 + log prior_k. S is shrunk towards the identity, (S + r s I) / (1 + r) with s its mean eigenvalue.
 *
 * r is chosen by leaving out each of the rows at hand in its turn, exactly (a row less changes S by one outer product, and its class's
 * mean), by the mean logarithmic loss, each class counting alike; without rows by the Rao-Blackwell estimate of Ledoit and Wolf's
 * shrinkage (Chen, Wiesel, Eldar & Hero 2010, arXiv 0907.4698), which the sums give. Classes without rows get zeros.
 *
 * @throws UsageError `features-constant`, `judged-rows`; TrainingError `interrupted`.
 * @example
 * const { weights, biases } = await lda(sums, { rows: { features, labels } })
 */
export async function lda(sums: FeatureSums, options: LdaOptions = {}): Promise<Fitted> {
  const { weighting = 'equal', rows, turn = openTurns() } = options
  const { counts, width } = sums
  if (rows) checkRows(rows, sums)
  const centre = meanOf(sums, classWeights(counts, 'equal'))
  const means = centredMeans(sums, centre)
  const unit = meanOfTrace(traceOf(sums.scatter, width), width)
  const form = await scatterForm(sums, turn)
  for (let row = 0; row < counts.length; row++) toTridiagonal(form, rowOf(means, row, width))
  const priors = options.priors ?? classWeights(counts, weighting)
  const all = total(priors)
  const problem: Problem = {
    ...{ form, means, counts, width, unit, rows: total(counts) },
    // One prior for all says nothing.
    logPriors: priors.map((prior) => (weighting === 'equal' && !options.priors ? 0 : Math.log(prior / all))),
  }
  const judged = rows && (await judgedAbout(form, rows, centre, turn))
  const { strength: wanted, chosenBy } = await chosen(
    problem,
    options.chooseBy === 'sums' ? undefined : judged,
    options.strength,
    turn,
  )
  const shrunk = firm(problem, wanted)
  const leftOut = judged && leaveOut(problem, shrunk, judged).answers
  return { ...classifierOf(problem, shrunk, centre), strength: shrunk.strength, chosenBy, leftOut }
}

interface Problem {
  readonly form: Tridiagonal
  /** Class means about the centre in the coordinates of T, [K, D]. */
  readonly means: Float64Array
  readonly counts: Float64Array
  readonly width: number
  /** The mean eigenvalue of the scatter. */
  readonly unit: number
  /** How many rows were summed. */
  readonly rows: number
  readonly logPriors: Float64Array
}

/** The scatter, shrunk. */
interface Shrunk {
  readonly strength: number
  readonly factored: Shifted
}

/** Makes a covariance of a scatter that was shrunk: the factor of its inverse. */
const precision = ({ rows }: Problem, strength: number): number => rows * (1 + strength)

function classifierOf(problem: Problem, { strength, factored }: Shrunk, centre: Float64Array) {
  const { form, means, counts, width, logPriors } = problem
  const weights = new Float64Array(means.length)
  const biases = new Float64Array(counts.length)
  for (const [unit, count] of counts.entries()) {
    if (count === 0) continue
    const row = rowOf(weights, unit, width)
    row.set(factored.solve(rowOf(means, unit, width)).map((value) => value * precision(problem, strength)))
    biases[unit] = (logPriors[unit] as number) - product(row, rowOf(means, unit, width)) / 2
    fromTridiagonal(form, row)
    biases[unit] = (biases[unit] as number) - product(row, centre)
  }
  return { weights, biases }
}

async function chosen(
  problem: Problem,
  judged: Judged | undefined,
  given: number | undefined,
  turn: Turns,
): Promise<Pick<Fitted, 'strength' | 'chosenBy'>> {
  if (given !== undefined) return { strength: given, chosenBy: 'given' }
  if (!judged) return { strength: raoBlackwell(problem), chosenBy: 'sums' }
  const rows = choosingRows(judged, problem.counts.length)
  const error = (strength: number): number => {
    const factored = shift(problem, strength)
    return factored ? leaveOut(problem, { strength, factored }, rows).loss : Number.POSITIVE_INFINITY
  }
  return { strength: await leastOf(strengths, error, turn), chosenBy: 'leave-one-out' }
}

/** g / (1 - g), g = ((n - 2) / n tr S^2 + tr^2 S) / ((n + 2) (tr S^2 - tr^2 S / D)); no more than the strongest candidate. */
function raoBlackwell({ form, width, rows }: Problem): number {
  const covariances = { trace: total(form.diagonal) / rows, squares: squaresOf(form) / rows ** 2 }
  const { trace, squares } = covariances
  const share =
    (((rows - 2) / rows) * squares + trace ** 2) /
    ((rows + 2) * Math.max(squares - trace ** 2 / width, 1e-300))
  const most = strengths.at(-1) as number
  return share < 1 ? Math.min(most, share / (1 - share)) : most
}

/** The sum of the squares of all elements of A, which is that of T. */
function squaresOf({ diagonal, beside }: Tridiagonal): number {
  return product(diagonal, diagonal) + 2 * product(beside, beside)
}

/** What the analysis without a row answers for it, [N, K], and the mean loss of these answers. */
function leaveOut(problem: Problem, { strength, factored }: Shrunk, judged: Judged) {
  const { means, counts, width } = problem
  const classes = counts.length
  const solved = new Float64Array(means.length)
  for (let unit = 0; unit < classes; unit++) {
    solved.set(factored.solve(rowOf(means, unit, width)), unit * width)
  }
  // m_c' A^-1 m_k, and x' A^-1 m_k, which is written over row by row.
  const between = products(means, solved, width)
  const answers = products(judged.features, solved, width)
  const shares = balanced(judged.labels)
  let loss = 0
  for (const [row, label] of judged.labels.entries()) {
    const own = rowOf(answers, row, classes)
    const x = rowOf(judged.features, row, width)
    const g = x.map((value, place) => value - (means[label * width + place] as number))
    const u = factored.solve(g)
    answerWithout(problem, { strength, between, label, along: product(g, u), ux: product(u, x) }, own)
    loss += (shares[row] as number) * lossOf(own, label, counts)
  }
  return { answers, loss }
}

interface LeftOut {
  readonly strength: number
  /** m_c' A^-1 m_k, [K, K] */
  readonly between: Float64Array
  readonly label: number
  /** g' A^-1 g and g' A^-1 x, g = x - m_c. */
  readonly along: number
  readonly ux: number
}

/**
 * With g = x - m_c, A' = A - t g g', t = n_c / (n_c - 1), has the inverse A^-1 + k u u', u = A^-1 g, k = t / (1 - t g' u) (Sherman &
 * Morrison), and the mean of the row's class is m_c - g / (n_c - 1).
 *
 * @param answers x' A^-1 m_k for each k, which become the answers.
 */
function answerWithout(
  { counts, logPriors, rows }: Problem,
  { strength, between, label, along, ux }: LeftOut,
  answers: Float64Array,
): void {
  const classes = counts.length
  const count = counts[label] as number
  // Of a class with one row nothing would be left: it is answered with the row.
  const least = count > 1 ? 1 / (count - 1) : 0
  const ratio = count * least
  const k = ratio / Math.max(1 - ratio * along, 1e-9)
  const scale = (rows - (least > 0 ? 1 : 0)) * (1 + strength)
  for (let unit = 0; unit < classes; unit++) {
    const crossing = answers[unit] as number
    answers[unit] = 0
    if (counts[unit] === 0) continue
    const um = crossing - (between[label * classes + unit] as number)
    const moved = unit === label ? least : 0
    const square = (between[unit * classes + unit] as number) - 2 * moved * um + moved ** 2 * along
    const beside = um - moved * along
    answers[unit] =
      scale * (crossing - moved * ux + k * beside * ux - (square + k * beside ** 2) / 2) +
      (logPriors[unit] as number)
  }
}

/** -log softmax over the classes that were summed. */
function lossOf(logits: Float64Array, label: number, counts: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY
  for (const [unit, logit] of logits.entries()) if (counts[unit] !== 0) most = Math.max(most, logit)
  let sum = 0
  for (const [unit, logit] of logits.entries()) if (counts[unit] !== 0) sum += Math.exp(logit - most)
  return most + Math.log(sum) - (logits[label] as number)
}
