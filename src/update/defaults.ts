import { defaultConfidence } from '../measure/confidence.ts'

/** What `update` does where it is not told otherwise: the library's defaults, and those of its flags. */
export const updateDefaults = {
  /** Drop of accuracy on old data that is allowed, as a fraction. */
  maxDrop: 0.01,
  confidence: defaultConfidence,
  /** New rows a step. */
  batchSize: 32,
  /** Of low-rank updates that layers of few bits get. */
  rank: 16,
} as const
