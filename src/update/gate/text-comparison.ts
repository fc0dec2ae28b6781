import { UsageError } from '../../errors.ts'
import { bitsPerByte, perplexity, totalLoss } from '../../measure/text-scores.ts'
import { judgeTexts, type TextBudget, type TextVerdict } from '../../measure/text-verdict.ts'
import type { PairedDocument, TextScores } from './text-losses.ts'

/** The two models' scores on all documents together. */
export interface TextScorePair {
  readonly baseline: number
  readonly candidate: number
}

/** The change of the score, and the scores. */
export interface TextComparison extends TextVerdict {
  readonly bitsPerByte: TextScorePair
  /** By each model's own tokens. */
  readonly perplexity: TextScorePair
}

/** Whether two models are known to have different tokenizers, which may cut a text to as many tokens all the same. */
export const otherTokenizers = (one: TextScores, other: TextScores): boolean =>
  one.tokenizer !== undefined && other.tokenizer !== undefined && one.tokenizer !== other.tokenizer

/** @throws UsageError `text-tokens`, and what {@link judgeTexts} throws. */
export function compareTexts(
  documents: readonly PairedDocument[],
  budget: TextBudget,
  { baseline, candidate }: { readonly baseline: TextScores; readonly candidate: TextScores },
): TextComparison {
  if (budget.unit === 'perplexity' && otherTokenizers(baseline, candidate)) {
    throw new UsageError(
      'text-tokens',
      `${baseline.name} and ${candidate.name} have different tokenizers: perplexities compare only by the same tokens. Hold bits per byte to a budget: they do not depend on tokens.`,
    )
  }
  const other = documents.find(({ before, after }) => before.tokens !== after.tokens)
  if (budget.unit === 'perplexity' && other) {
    throw new UsageError(
      'text-tokens',
      `Document "${other.id}" is ${other.before.tokens} tokens that count for ${baseline.name} and ${other.after.tokens} for ${candidate.name}: perplexities compare only by the same tokens. Hold bits per byte to a budget: they do not depend on tokens.`,
    )
  }
  const [old, renewed] = [
    totalLoss(documents.map(({ before }) => before)),
    totalLoss(documents.map(({ after }) => after)),
  ]
  return {
    ...judgeTexts(documents, budget),
    bitsPerByte: { baseline: bitsPerByte(old), candidate: bitsPerByte(renewed) },
    perplexity: { baseline: perplexity(old), candidate: perplexity(renewed) },
  }
}
