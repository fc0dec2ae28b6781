import { defaultConfidence } from '../../measure/confidence.ts'
import { bitsPerByteOrNull } from '../../measure/text-scores.ts'
import type { TextBudget } from '../../measure/text-verdict.ts'
import { copiesWords } from '../copied-documents.ts'
import { type RuleOutcome, verdictOf } from './gate-rules.ts'
import { compareTexts, type TextComparison, type TextScorePair } from './text-comparison.ts'
import { joinTexts, type PairedDocument, type TextScores } from './text-losses.ts'
import { scoreReason } from './text-reason.ts'

/** What a gate holds a language model to. */
export interface TextGateOptions extends TextBudget {
  /** A pinned older model's losses that the candidate has to hold against, too. */
  readonly golden?: TextScores | undefined
  /** The budget against `golden`, over all releases since, in the same unit; default `budget`. */
  readonly totalBudget?: number | undefined
}

/** A document whose loss changed. */
export interface ChangedDocument {
  readonly id: string
  readonly bytes: number
  /** Bits that it needs more than before. */
  readonly addedBits: number
  /** Bits per byte; null where no byte of it counts. */
  readonly before: number | null
  readonly after: number | null
}

export type TextRuleOutcome = RuleOutcome<'score' | 'golden'>

/** What {@link gateTexts} found; `holdfast gate --json` prints it for language models. */
export interface TextGateResult extends TextComparison {
  readonly schema: 'holdfast.gate-texts/1'
  readonly baseline: string
  readonly candidate: string
  readonly confidence: number
  readonly bytes: number
  readonly tokens: TextScorePair
  readonly rules: readonly TextRuleOutcome[]
  readonly golden: (TextComparison & { readonly name: string }) | null
  /** The documents that add most bits, 20 at most; only such as got worse. */
  readonly worst: readonly ChangedDocument[]
  readonly warnings: readonly string[]
}

const most = 20

/**
 * Holds a language model against another on the same documents: the verdict is `fail` as soon as the score against the baseline or the
 * golden one is shown to be outside its budget, `pass` when both are shown to be inside, else `inconclusive`. See {@link judgeTexts}.
 *
 * @throws What {@link joinTexts} and {@link judgeTexts} throw; UsageError `text-tokens` for perplexities by different tokens.
 * @example
 * const { verdict, upper } = gateTexts(baseline, candidate, { unit: 'relative', budget: 0.02 })
 */
export function gateTexts(
  baseline: TextScores,
  candidate: TextScores,
  options: TextGateOptions,
): TextGateResult {
  const { golden: pinned, budget, totalBudget = budget, confidence = defaultConfidence } = options
  const documents = joinTexts(baseline, candidate)
  const compared = compareTexts(documents, options, { baseline, candidate })
  const older = pinned && {
    name: pinned.name,
    ...compareTexts(
      joinTexts(pinned, candidate),
      { ...options, budget: totalBudget },
      { baseline: pinned, candidate },
    ),
  }
  const rules: readonly TextRuleOutcome[] = [
    { rule: 'score', verdict: compared.verdict, reason: scoreReason(compared, confidence) },
    ...(older
      ? [
          {
            rule: 'golden',
            verdict: older.verdict,
            reason: scoreReason(older, confidence, older.name),
          } as const,
        ]
      : []),
  ]
  const tokens = (side: 'before' | 'after') => documents.reduce((sum, each) => sum + each[side].tokens, 0)
  return {
    schema: 'holdfast.gate-texts/1',
    ...compared,
    verdict: verdictOf(rules),
    baseline: baseline.name,
    candidate: candidate.name,
    confidence,
    bytes: documents.reduce((sum, { before }) => sum + before.bytes, 0),
    tokens: { baseline: tokens('before'), candidate: tokens('after') },
    rules,
    golden: older ?? null,
    worst: changedDocuments(documents)
      .filter(({ addedBits }) => addedBits > 0)
      .slice(0, most),
    warnings: [
      ...(sameLosses(documents)
        ? [
            `${baseline.name} and ${candidate.name} have the same loss for every document, to the last digit: is it one model twice?`,
          ]
        : []),
      ...copiesWords(baseline.documents.length - documents.length, baseline.documents.length),
    ],
  }
}

/** All documents, those first that add most bits. */
export const changedDocuments = (documents: readonly PairedDocument[]): readonly ChangedDocument[] =>
  documents
    .map(({ id, before, after }) => ({
      id,
      bytes: before.bytes,
      addedBits: (after.nats - before.nats) / Math.LN2,
      before: bitsPerByteOrNull(before),
      after: bitsPerByteOrNull(after),
    }))
    .sort((a, b) => b.addedBits - a.addedBits)

const sameLosses = (documents: readonly PairedDocument[]): boolean =>
  documents.every(({ before, after }) => before.nats === after.nats)
