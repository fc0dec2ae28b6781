// Flags that say nothing of the kind of model at hand are refused by name, rather than passed over.

/** Flags, and whether each was given. */
export type Given = Readonly<Record<string, boolean>>

/** The first that was given. */
export const firstGiven = (flags: Given): string | undefined =>
  Object.entries(flags).find(([, isGiven]) => isGiven)?.[0]

interface TextSettings {
  readonly maxBits?: unknown
  readonly maxPerplexityRatio?: unknown
  readonly documents?: unknown
  readonly paragraphs: boolean
  readonly overlap?: unknown
}

/** Flags that say something of texts alone. */
export const textFlagsIn = (asked: TextSettings): Given => ({
  '--max-bits': asked.maxBits !== undefined,
  '--max-perplexity-ratio': asked.maxPerplexityRatio !== undefined,
  '--documents': asked.documents !== undefined,
  '--paragraphs': asked.paragraphs,
  '--overlap': asked.overlap !== undefined,
})
