import { type Dataset, samples } from '../../data/dataset.ts'
import type { OnRows } from '../../evaluate/index.ts'
import { type Ratio, ratioBounds } from '../../measure/ratio-change.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import type { ReadBack } from '../../model/import/index.ts'
import { itemAt } from '../../required.ts'
import type { Losses } from './losses.ts'
import type { TextGuess } from './text-update-types.ts'
import type { Way } from './text-way.ts'

/** Points of a way that are looked at; between them losses are smooth. */
export const LOOKS = [0.25, 0.5, 0.75, 1]

/** Points of a way that may be candidates. */
const CANDIDATES = 64

/** Standard errors above the change of which its 95 % bound lies, about. */
const ERRORS = 1.645

export interface WalkTextOptions {
  readonly trial: number
  readonly way: Way
  readonly losses: Losses
  readonly stored: ReadBack | undefined
  /** New rows, and old ones that order; with what the given model loses on each document. */
  readonly choose: Measured
  readonly order: Measured | undefined
  /** Documents that prove; 0 where none do. */
  readonly proving: number
  /** Rows that are measured, of so many at all points. */
  readonly onRows?: OnRows | undefined
}

/** Rows, and what the given model loses on each of their documents. */
export interface Measured {
  readonly rows: Dataset
  readonly before: readonly TextLoss[]
}

/** What points of a way seem to be worth: those that were looked at, and all that may be candidates. */
export interface Walked {
  readonly looks: readonly TextGuess[]
  readonly guesses: readonly TextGuess[]
}

/**
 * Guesses what points of a way are worth, without a look at the documents that prove. Losses are measured at a few points, and
 * between them are those of the polynomial through these: along a straight line of weights they hardly bend.
 *
 * What a point seems to lose is its change on the documents that order, and beside it the bound that as many documents as prove would give
 * of it: near the given model a change is small, and so is what is not known of it.
 */
export async function walkTexts(options: WalkTextOptions): Promise<Walked> {
  const { trial, way, losses, stored, choose, order, proving, onRows } = options
  const [news, olds] = [samples(choose.rows), order ? samples(order.rows) : 0]
  const all = LOOKS.length * (news + olds)
  const looks: TextGuess[] = [{ trial, alpha: 0, loss: 0, bound: 0, gain: 0 }]
  for (const [at, alpha] of LOOKS.entries()) {
    const before = at * (news + olds)
    const counted = (from: number) => (done: number) => onRows?.(from + done, all)
    const between = await way.at(alpha)
    const weights = stored ? stored(between) : between
    const gain = -changeOf(choose.before, await losses.on(choose.rows, weights, counted(before))).change
    const old = order && changeOf(order.before, await losses.on(order.rows, weights, counted(before + news)))
    const spared = order && proving > 0 ? Math.sqrt(order.before.length / proving) : 1
    const loss = old ? old.change : alpha
    looks.push({ trial, alpha, loss, bound: old ? loss + ERRORS * old.error * spared : alpha, gain })
  }
  const at = (of: 'loss' | 'bound' | 'gain') => through(looks.map((look) => ({ x: look.alpha, y: look[of] })))
  const [loss, bound, gain] = [at('loss'), at('bound'), at('gain')]
  const guesses = Array.from({ length: CANDIDATES }, (_, place): TextGuess => {
    const alpha = (place + 1) / CANDIDATES
    return { trial, alpha, loss: loss(alpha), bound: bound(alpha), gain: gain(alpha) }
  })
  return { looks, guesses }
}

/** How many more nats each document costs, beside what it cost. */
export const changesOf = (before: readonly TextLoss[], after: readonly TextLoss[]): readonly Ratio[] =>
  before.map(({ nats }, at) => ({ change: itemAt(after, at, 'document').nats - nats, base: nats }))

/** How much more nats all documents cost, as a share, and the standard error of that. */
function changeOf(before: readonly TextLoss[], after: readonly TextLoss[]) {
  const { ratio, standardError } = ratioBounds(changesOf(before, after))
  return { change: ratio, error: Number.isFinite(standardError) ? standardError : 0 }
}

/** The polynomial through some points, by Lagrange's formula. */
export function through(
  points: readonly { readonly x: number; readonly y: number }[],
): (x: number) => number {
  const term = (x: number, own: number) =>
    points.reduce(
      (product, { x: other }) => (other === own ? product : (product * (x - other)) / (own - other)),
      1,
    )
  return (x) => points.reduce((sum, { x: own, y }) => sum + y * term(x, own), 0)
}
