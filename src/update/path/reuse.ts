import { confidenceRange, defaultConfidence } from '../../measure/confidence.ts'

/**
 * The level at which the drop since the first release is tested on rows that so many releases have been proved on before: the level of
 * one test divided by all of them.
 *
 * Each release starts from a model that the same rows let through, perhaps because they were kind to it. The drop from that model is not
 * touched by this: which rows flip next is not told by which were kept. The drop since the first release is, as what was let through by
 * luck stays in it: at the full level up to 48 % of releases were called met wrongly, at this one no more than at the first
 * (`bench/sequence-simulation.ts`).
 *
 * @param level Of one test, 1 - confidence.
 * @param uses Releases that have been proved on the rows before.
 */
export const levelFor = (level: number, uses: number): number => level / (1 + uses)

/** The same as a confidence, as far as one can be asked for. */
export const confidenceAfter = (uses: number, confidence: number = defaultConfidence): number =>
  uses === 0 ? confidence : Math.min(confidenceRange.most, 1 - levelFor(1 - confidence, uses))
