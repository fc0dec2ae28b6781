import { rowOf } from './classifier.ts'

/** Rows, and what two parts of a head say of them. */
export interface Contest {
  /** Logits of the old classes, [N, old]. */
  readonly old: Float64Array
  /** Logits of the new classes, before they are scaled and shifted, [N, new]. */
  readonly fresh: Float64Array
  /** The class of each row, old ones first. */
  readonly labels: Int32Array
  /** How much each row counts; together 1. */
  readonly shares: Float64Array
}

/** New logits z become scale z + offset. */
export interface Calibration {
  readonly scale: number
  readonly offset: number
}

/** Holds both numbers where rows are told apart without a fault, and the likelihood would have them grow for ever. */
const PRIOR = 1e-5
const STEPS = 60

/**
 * Scale and offset of the new logits beside the old by logistic regression: two numbers, by Newton's method, of a convex loss.
 *
 * @param start Where it begins, and where the numbers stay that are not to be fitted.
 * @param fitted Default both.
 */
export function calibrate(
  rows: Contest,
  start: Calibration,
  fitted: { readonly scale?: boolean; readonly offset?: boolean } = {},
): Calibration {
  const free = { scale: fitted.scale ?? true, offset: fitted.offset ?? true }
  // The scale is fitted in units of the one that it starts from.
  const inUnits = weighed({ ...rows, fresh: rows.fresh.map((value) => value * start.scale) })
  let at: Calibration = { scale: 1, offset: start.offset }
  let now = lossAt(inUnits, at, start)
  for (let step = 0; step < STEPS; step++) {
    const move = newton(now, free)
    const slope = move.scale * now.slope.scale + move.offset * now.slope.offset
    if (!(slope < -1e-14)) break
    let length = 1
    let next = at
    let loss = now
    do {
      next = { scale: at.scale + length * move.scale, offset: at.offset + length * move.offset }
      loss = lossAt(inUnits, next, start)
      length /= 2
    } while (!(next.scale > 0 && loss.value <= now.value + 1e-4 * 2 * length * slope) && length > 1e-8)
    // A scale below 0 would have the new classes answer what is least like them.
    if (!(next.scale > 0 && loss.value < now.value)) break
    at = next
    now = loss
  }
  return { scale: at.scale * start.scale, offset: at.offset }
}

interface Loss {
  readonly value: number
  readonly slope: Calibration
  /** Second derivatives: scale twice, both, offset twice. */
  readonly bend: readonly [number, number, number]
}

function newton({ slope, bend: [ss, so, oo] }: Loss, free: Record<keyof Calibration, boolean>): Calibration {
  if (!free.scale) return { scale: 0, offset: free.offset ? -slope.offset / oo : 0 }
  if (!free.offset) return { scale: -slope.scale / ss, offset: 0 }
  const determinant = ss * oo - so * so
  return {
    scale: -(oo * slope.scale - so * slope.offset) / determinant,
    offset: -(ss * slope.offset - so * slope.scale) / determinant,
  }
}

/** A contest in which one number stands for all old logits of a row: nothing moves them. */
interface Weighed extends Omit<Contest, 'old'> {
  readonly olds: number
  /** log sum exp of a row's old logits, [N]. */
  readonly weight: Float64Array
  /** The old logit of the row's own class, [N]; of new rows nothing. */
  readonly own: Float64Array
}

function weighed({ old, ...contest }: Contest): Weighed {
  const { labels } = contest
  const olds = old.length / labels.length
  const weight = new Float64Array(labels.length)
  const own = new Float64Array(labels.length)
  for (const [row, label] of labels.entries()) {
    const logits = rowOf(old, row, olds)
    weight[row] = logSumExp(logits, 1, 0, Number.NEGATIVE_INFINITY)
    if (label < olds) own[row] = logits[label] as number
  }
  return { ...contest, olds, weight, own }
}

/** log (exp(beside) + sum exp(scale z + offset)) */
function logSumExp(logits: Float64Array, scale: number, offset: number, beside: number): number {
  let most = beside
  for (const logit of logits) most = Math.max(most, scale * logit + offset)
  let sum = Math.exp(beside - most)
  for (const logit of logits) sum += Math.exp(scale * logit + offset - most)
  return most + Math.log(sum)
}

/** The mean cross-entropy with a weak prior, and its derivatives. */
function lossAt(
  { olds, weight, own, fresh, labels, shares }: Weighed,
  { scale, offset }: Calibration,
  start: Calibration,
): Loss {
  const news = fresh.length / labels.length
  const apart = offset - start.offset
  let value = (PRIOR / 2) * ((scale - 1) ** 2 + apart ** 2 / 100)
  const slope = { scale: PRIOR * (scale - 1), offset: (PRIOR / 100) * apart }
  const bend: [number, number, number] = [PRIOR, 0, PRIOR / 100]
  for (const [row, label] of labels.entries()) {
    const share = shares[row] as number
    const added = rowOf(fresh, row, news)
    const all = logSumExp(added, scale, offset, weight[row] as number)
    let [mass, mean, square] = [0, 0, 0]
    for (const logit of added) {
      const chance = Math.exp(scale * logit + offset - all)
      mass += chance
      mean += chance * logit
      square += chance * logit * logit
    }
    const isNew = label < olds ? 0 : 1
    const logit = isNew ? (added[label - olds] as number) : 0
    value += share * (all - (isNew ? scale * logit + offset : (own[row] as number)))
    slope.scale += share * (mean - logit)
    slope.offset += share * (mass - isNew)
    bend[0] += share * (square - mean * mean)
    bend[1] += share * mean * (1 - mass)
    bend[2] += share * mass * (1 - mass)
  }
  return { value, slope, bend }
}
