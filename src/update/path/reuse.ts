import { confidenceRange, defaultConfidence } from '../../measure/confidence.ts'

/**
 * The level at which the drop since the first release is tested on rows that so many releases have been proved on before: that of one
 * test after none, and level / (2 uses (uses + 1)) from then on: over all releases to come half that of one test. The other half is for
 * what the simulation shows beyond this, as each release begins where the last one was let through.
 *
 * Each release starts from a model that the same rows let through, perhaps because they were kind to it. The drop from that model is not
 * touched by this: which rows flip next is not told by which were kept. The drop since the first release is, as what was let through by
 * luck stays in it. `bench/sequence-simulation.ts` has the chance of a false claim with and without this.
 *
 * @param level Of one test, 1 - confidence.
 * @param uses Releases that have been proved on the rows before.
 */
export const levelFor = (level: number, uses: number): number =>
  uses === 0 ? level : level / (2 * uses * (uses + 1))

/** The same as a confidence, as far as one can be asked for. */
export const confidenceAfter = (uses: number, confidence: number = defaultConfidence): number =>
  uses === 0 ? confidence : Math.min(confidenceRange.most, 1 - levelFor(1 - confidence, uses))
