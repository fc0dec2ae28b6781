import { UsageError } from '../errors.ts'
import { defaultConfidence } from './confidence.ts'
import { fewestDocuments, type Ratio, ratioBounds } from './ratio-change.ts'
import { normalQuantile } from './statistics.ts'
import type { TextLoss } from './text-scores.ts'
import type { Verdict } from './verdict.ts'

/**
 * What a budget for texts is counted in:
 * - `relative`: how many more bits per byte the new model needs, as a share of what the old one needs;
 * - `bits`: how many more bits per byte;
 * - `perplexity`: the new model's perplexity by the old one's.
 */
export const textUnits = ['relative', 'bits', 'perplexity'] as const
export type TextUnit = (typeof textUnits)[number]

/** How much worse a model may get on texts. */
export interface TextBudget {
  readonly unit: TextUnit
  /** `relative`: a share, 0.02; `bits`: bits per byte, 0.02; `perplexity`: a ratio from 1 on, 1.05. */
  readonly budget: number
  /** Of each bound, one-sided, 0.5 to 0.999; default 0.95. */
  readonly confidence?: number | undefined
}

/** What two models' losses on the same document were. */
export interface PairedTexts {
  readonly before: TextLoss
  readonly after: TextLoss
}

/** A change of a text score, held against a budget. Change, bounds and budget are in its unit. */
export interface TextVerdict {
  /** `pass`: shown to be inside the budget; `fail`: shown to be outside; else `inconclusive`. */
  readonly verdict: Verdict
  readonly unit: TextUnit
  readonly documents: number
  /** More is worse: below 0, of `perplexity` below 1, the new model is better. */
  readonly change: number
  /** One-sided bounds; infinite (of `perplexity` 0 and infinite) below five documents. */
  readonly lower: number
  readonly upper: number
  readonly budget: number
  /**
   * Documents like these at which a verdict would be reached with a chance of 80 %, if things go on as seen; null where the change is the
   * budget exactly, which no number of documents decides. Without a verdict it is more than there are.
   */
  readonly neededDocuments: number | null
}

/**
 * Holds the change of a text score between two models on the same documents against a budget: the one place where losses of texts
 * become a verdict. The scores are those of all documents together, so a long document counts more than a short one; the bounds are
 * for all documents of the kind that these are drawn from ({@link ratioBounds}).
 *
 * @throws UsageError `budget-range`, `confidence-range`, `text-losses`; `text-tokens` for perplexities by different tokens, `text-bytes`
 * where a document's bytes differ.
 * @example
 * judgeTexts(pairs, { unit: 'relative', budget: 0.02 }).verdict // 'pass'
 */
export function judgeTexts(pairs: readonly PairedTexts[], asked: TextBudget): TextVerdict {
  const { unit, budget, confidence = defaultConfidence } = asked
  checkTextBudget(asked)
  const documents = pairs.map((pair) => ratioOf(pair, unit))
  if (!documents.some(({ base }) => base > 0)) {
    throw new UsageError('text-losses', 'A change of a text score needs documents whose tokens count.')
  }
  const { ratio, lower, upper, standardError } = ratioBounds(documents, confidence)
  const limit = unit === 'perplexity' ? Math.log(budget) : budget
  const verdict = upper <= limit ? 'pass' : lower > limit ? 'fail' : 'inconclusive'
  const shown = (value: number) => (unit === 'perplexity' ? Math.exp(value) : value)
  return {
    verdict,
    unit,
    documents: pairs.length,
    change: shown(ratio),
    lower: shown(lower),
    upper: shown(upper),
    budget,
    neededDocuments: needed({ n: pairs.length, verdict, limit, ratio, lower, upper, standardError }),
  }
}

/** @throws UsageError `budget-range`. */
export function checkTextBudget({ unit, budget }: Pick<TextBudget, 'unit' | 'budget'>): void {
  const least = unit === 'perplexity' ? 1 : 0
  if (budget >= least && Number.isFinite(budget)) return
  const what = {
    relative: 'a share from 0 on, e.g. 0.02',
    bits: 'in bits per byte from 0 on, e.g. 0.02',
    perplexity: 'a ratio of perplexities from 1 on, e.g. 1.05',
  }[unit]
  throw new UsageError('budget-range', `The budget is ${what}, but is ${budget}.`)
}

function ratioOf({ before, after }: PairedTexts, unit: TextUnit): Ratio {
  const change = after.nats - before.nats
  if (!Number.isFinite(change)) {
    throw new UsageError('text-losses', `A document's losses are ${before.nats} and ${after.nats} nats.`)
  }
  if (unit === 'perplexity') {
    if (before.tokens === after.tokens) return { change, base: before.tokens }
    throw new UsageError(
      'text-tokens',
      `A document has ${before.tokens} tokens for one model and ${after.tokens} for the other. Perplexities compare only where tokens are the same; bits per byte compare always.`,
    )
  }
  if (before.bytes !== after.bytes) {
    throw new UsageError(
      'text-bytes',
      `A document has ${before.bytes} bytes for one model and ${after.bytes} for the other.`,
    )
  }
  return unit === 'bits' ? { change: change / Math.LN2, base: before.bytes } : { change, base: before.nats }
}

interface Seen {
  readonly n: number
  readonly verdict: Verdict
  readonly limit: number
  readonly ratio: number
  readonly lower: number
  readonly upper: number
  readonly standardError: number
}

/** n at which the distance to the budget is (t + z) standard errors, which fall as 1 / root n; t is that of the bound there is now. */
function needed({ n, verdict, limit, ratio, lower, upper, standardError }: Seen): number | null {
  if (ratio === limit && standardError > 0) return null
  const bound = ratio <= limit ? upper - ratio : ratio - lower
  const errors = Number.isFinite(bound) && standardError > 0 ? bound / standardError : normalQuantile(0.95)
  const spread = standardError * Math.sqrt(n) * (errors + normalQuantile(0.8))
  const count = Number.isFinite(spread) && spread > 0 ? (spread / (limit - ratio)) ** 2 : 0
  const enough = Math.max(fewestDocuments, Math.ceil(count))
  return verdict === 'inconclusive' ? Math.max(enough, n + 1) : enough
}
