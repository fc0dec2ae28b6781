import { wilson } from '../../measure/wilson.ts'
import { itemAt, required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { sequenceOf, startOf } from './decide.ts'
import { type GuessRequest, type Right, rightByPart } from './guess.ts'
import type { Aim, Guess } from './points.ts'
import { accuracyOf } from './search.ts'

/** New accuracy by cross-fitting. Accuracies are fractions. */
export interface CrossFitted {
  /** Of the rows left out, by what was chosen without them. */
  readonly after: number
  /** Its interval, 95 %: Wilson's, for as many rows. */
  readonly lower: number
  readonly upper: number
  readonly folds: number
}

/** A point at which guesses were made, and these. */
export interface Look {
  readonly request: GuessRequest
  readonly guesses: readonly Guess[]
}

/**
 * So large a share of the rows would tell as much of a model that nobody chose: what is chosen without the one fold and without the other differs,
 * and so does what of it is luck. By `bench/new-accuracy-simulation.ts`, so that the interval holds what is true in 95 % of cases.
 */
const TOLD = 2 / 3

export interface CrossFitOptions {
  /** All points, of all trials; the `fresh` of their requests are the new rows. */
  readonly looks: readonly Look[]
  /** Of the new rows, under the updated model's classes. */
  readonly labels: Int32Array
  /** What the old model answers for them. */
  readonly before: Int32Array
  readonly aim: Aim
  /** Which candidate is taken of an order. */
  readonly chosenOf: (sequence: readonly Guess[]) => Promise<Guess | undefined>
  /** Default 10, and never more than there are rows. */
  readonly folds?: number | undefined
}

/**
 * New accuracy that the choice has no part in. Rows are dealt into folds; without the rows of one the candidates are put in order and one is
 * taken, which answers these rows; and so on for each fold (cross-fitting;
 * Stone 1974). The best of many candidates on a few rows is better on them than on
 * others; what was chosen without them is not. It is the accuracy of what nine tenths of the rows choose, which is a little less, if
 * anything, than that of what all choose.
 *
 * @returns null for fewer than two rows.
 */
export async function crossFit(options: CrossFitOptions): Promise<CrossFitted | null> {
  const { labels, looks } = options
  const folds = Math.min(options.folds ?? 10, labels.length)
  if (folds < 2) return null
  const foldOf = dealt(labels, folds)
  const summed = looks.map(({ request, guesses }) => ({
    guesses,
    right: rightByPart(
      request,
      guesses.map(({ offset }) => offset),
      foldOf,
      folds,
    ),
  }))
  let right = 0
  for (let fold = 0; fold < folds; fold++) right += await rightIn(options, { foldOf, summed }, fold)
  const after = right / labels.length
  const told = Math.ceil(labels.length * TOLD)
  return { after, ...wilson(Math.round(after * told), told), folds }
}

interface Folded {
  readonly foldOf: Int32Array
  /** Guesses of each look, and how many rows of each fold are right by each. */
  readonly summed: readonly { readonly guesses: readonly Guess[]; readonly right: readonly Right[] }[]
}

/** How many rows of a fold are right by what is taken without them. */
async function rightIn(
  { labels, before, aim, chosenOf }: CrossFitOptions,
  { foldOf, summed }: Folded,
  fold: number,
): Promise<number> {
  const rows = (inside: boolean) =>
    Int32Array.from(labels.keys()).filter((row) => (foldOf[row] === fold) === inside)
  const [left, others] = [rows(true), rows(false)]
  const inFold = new Map<string, number>()
  const guesses = summed.flatMap((each) =>
    each.guesses.map((guess, at) => {
      const right = itemAt(each.right, at, 'guess')
      const without = {
        ...guess,
        gain: outside(right.softly, fold) / others.length,
        new: outside(right.plainly, fold) / others.length,
      }
      inFold.set(keyOf(guess), itemAt(right.plainly, fold, 'fold'))
      return without
    }),
  )
  const known = accuracyOf(some(before, others), some(labels, others))
  const sequence = sequenceOf(guesses, { ...aim, before: known })
  // Where nothing gains it is what changes least: the old model, where no class is added.
  const start = aim.added ? startOf(guesses) : undefined
  const taken = sequence.length === 0 ? start : await chosenOf(sequence)
  return taken
    ? required(inFold, keyOf(taken), 'guess')
    : Math.round(left.length * accuracyOf(some(before, left), some(labels, left)))
}

const keyOf = ({ trial, alpha, offset }: Guess): string => `${trial} ${alpha} ${offset}`

/** The sum over all folds but one. */
const outside = (right: ArrayLike<number>, fold: number): number =>
  Array.from(right).reduce((sum, each, at) => sum + (at === fold ? 0 : each), 0)

/** The fold of each row: rows of a class are dealt out one after the other, so that each fold has its share of them. */
function dealt(labels: Int32Array, folds: number): Int32Array {
  const order = randomStream(0, 'cross-fit')
    .permutation(labels.length)
    .sort((a, b) => Number(labels[a]) - Number(labels[b]))
  const found = new Int32Array(labels.length)
  for (const [place, row] of order.entries()) found[row] = place % folds
  return found
}

const some = (values: Int32Array, rows: Int32Array): Int32Array =>
  rows.map((row) => itemAt(values, row, 'row'))
