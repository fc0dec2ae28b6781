import { z } from 'zod'
import type { TextBudget } from '../measure/text-verdict.ts'
import { fromText } from './flags/index.ts'

/** A budget for texts in other units than `--max-drop`. */
export const textBudgetFlags = {
  maxBits: fromText(z.number().min(0).max(100)).optional().meta({
    description: 'Of language models, instead: bits per byte more that are allowed',
  }),
  maxPerplexityRatio: fromText(z.number().min(1).max(1000)).optional().meta({
    description: "Of language models, instead: new perplexity by the old one's, such as 1.05",
  }),
}

interface TextBudgetSettings {
  readonly maxDrop?: number | undefined
  readonly maxBits?: number | undefined
  readonly maxPerplexityRatio?: number | undefined
}

/** What the three flags contradict one another in. */
export const oneTextBudget = {
  holds: ({ maxDrop, maxBits, maxPerplexityRatio }: TextBudgetSettings): boolean =>
    [maxDrop, maxBits, maxPerplexityRatio].filter((budget) => budget !== undefined).length <= 1,
  error: '--max-drop, --max-bits and --max-perplexity-ratio are one budget in three units: give one.',
} as const

/** The budget that was asked for, if any. */
export function textBudgetOf({
  maxDrop,
  maxBits,
  maxPerplexityRatio,
}: TextBudgetSettings): Omit<TextBudget, 'confidence'> | undefined {
  if (maxBits !== undefined) return { unit: 'bits', budget: maxBits }
  if (maxPerplexityRatio !== undefined) return { unit: 'perplexity', budget: maxPerplexityRatio }
  return maxDrop === undefined ? undefined : { unit: 'relative', budget: maxDrop }
}
