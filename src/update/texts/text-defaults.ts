/** What the update of a language model does where it is not told otherwise: the library's defaults, and those of its flags. */
export const textUpdateDefaults = {
  /** Rows a step, rehearsed ones included. */
  batchSize: 8,
  /** Share of the tokens trained on that are old ones. */
  replayShare: 0.25,
  /** Of low-rank updates. */
  rank: 16,
} as const
