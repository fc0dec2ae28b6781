import type { Answers } from '../src/evaluate/judge.ts'
import { itemAt } from '../src/required.ts'
import { type RandomStream, randomStream } from '../src/tensor/random.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { claimsFor } from '../src/update/path/claims.ts'
import { type CrossFitted, crossFit, type Look } from '../src/update/path/cross-fit.ts'
import { sequenceOf, settle } from '../src/update/path/decide.ts'
import { guessesAt } from '../src/update/path/guess.ts'
import type { Guess } from '../src/update/path/points.ts'
import { proveInOrder } from '../src/update/path/prove.ts'
import { accuracyOf, predicted } from '../src/update/path/search.ts'

// Updates that were never trained: logits are drawn, and all that follows is done by the functions that an update takes.

/** Two old classes and two new ones. */
const OLD = 2
const CLASSES = 4
const ALPHAS = [0.25, 0.5, 0.75, 1]
const ROWS = { order: 200, proof: 800, truth: 4000 } as const
const BUDGET = 0.05

/** Logits of rows: what a row is, each trial sees through noise of its own. */
function rowsOf(random: RandomStream, count: number, fresh: boolean) {
  const labels = Int32Array.from({ length: count }, (_, row) => (row % 2) + (fresh ? OLD : 0))
  const own = Array.from(labels, () => 1.2 * random.normal())
  const others = Array.from({ length: count * CLASSES }, () => 0.8 * random.normal())
  return (trial: number, alpha: number, noise: RandomStream): Answers => {
    const logits = float32([count, CLASSES])
    for (const [row, label] of labels.entries()) {
      for (let unit = 0; unit < CLASSES; unit++) {
        const at = row * CLASSES + unit
        const gained = unit >= OLD ? alpha * (fresh ? 1.4 + 0.1 * trial : -0.3) : 0
        const right = unit === label ? (fresh ? alpha : 1) * (1.5 + itemAt(own, row, 'row')) : 0
        logits.data[at] = itemAt(others, at, 'logit') + gained + right + 0.7 * alpha * noise.normal()
      }
    }
    return { logits, labels }
  }
}

/** What one update announces, what is true of it, and what cross-fitting says. */
export interface Announced {
  readonly announced: number
  readonly truth: number
  readonly crossFitted: CrossFitted
  /** How much better one candidate that nobody chose is on these rows than it is: luck that all figures share. */
  readonly luck: number
}

/** @param n New rows that candidates are compared on. */
export async function drawnUpdate(seed: number, n: number, trials = 6): Promise<Announced | undefined> {
  const random = randomStream(seed, `rows ${n}`)
  const parts = {
    order: rowsOf(random, ROWS.order, false),
    proof: rowsOf(random, ROWS.proof, false),
    fresh: rowsOf(random, n, true),
    truth: rowsOf(random, ROWS.truth, true),
  }
  const before = parts.order(0, 0, random)
  const looks: Look[] = []
  const look = (part: keyof typeof parts, trial: number, alpha: number) =>
    parts[part](trial, alpha, randomStream(seed, `${part} ${trial} ${n}`))
  for (let trial = 0; trial < trials; trial++) {
    for (const alpha of ALPHAS) {
      const request = {
        ...{
          trial,
          alpha,
          before,
          old: look('order', trial, alpha),
          fresh: look('fresh', trial, alpha),
          oldClasses: OLD,
          shift: true,
        },
      }
      looks.push({ request, guesses: guessesAt(request) })
    }
  }
  const guesses = looks.flatMap((look) => look.guesses)
  const old = parts.proof(0, 0, random)
  const claims = claimsFor({
    ...{ budget: { maxDrop: BUDGET }, labels: old.labels, before: predicted(old, OLD, 0) },
  })
  const proofs = new Map<string, Answers>()
  const proofAt = (trial: number, alpha: number): Answers => {
    const found = proofs.get(`${trial} ${alpha}`) ?? look('proof', trial, alpha)
    proofs.set(`${trial} ${alpha}`, found)
    return found
  }
  const judged = new Map()
  const chosenOf = async (sequence: readonly Guess[]) => {
    const tested = await proveInOrder({
      ...{ sequence, claims, judged, labels: old.labels, confidence: 0.95 },
      answersOf: async ({ trial, alpha, offset }) => predicted(proofAt(trial, alpha), OLD, offset),
    })
    const settled = settle(tested)
    return settled && itemAt(tested, settled.at, 'candidate').guess
  }
  const aim = { budget: { maxDrop: BUDGET }, before: 0, added: true, oneLine: true }
  const taken = await chosenOf(sequenceOf(guesses, aim))
  const labels = itemAt(looks, 0, 'look').request.fresh.labels
  const crossFitted = await crossFit({
    ...{ looks, labels, aim, chosenOf },
    before: new Int32Array(n),
  })
  if (!taken || !crossFitted) return undefined
  const right = (answers: Answers, offset: number) =>
    accuracyOf(predicted(answers, OLD, offset), answers.labels)
  const unchosen = itemAt(looks, ALPHAS.length - 1, 'look').request
  return {
    announced: taken.new,
    truth: right(look('truth', taken.trial, taken.alpha), taken.offset),
    crossFitted,
    luck: right(unchosen.fresh, 0) - right(look('truth', unchosen.trial, unchosen.alpha), 0),
  }
}
