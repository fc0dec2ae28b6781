import { itemAt } from '../../required.ts'

// Fixed-sequence testing, whatever candidates are and whatever is claimed of them: classifiers and language models are
// proved by the same few lines.

/** What is known of a candidate before what proves is looked at: how much of the old it seems to lose, and of the new to gain. */
export interface Prospect {
  readonly loss: number
  readonly gain: number
}

/**
 * The order in which candidates are tested: from the one that seems to lose least on, each with more gained than all before it. It is
 * settled by new data and by old data that prove nothing, so that the data that prove may test one after the other at the full
 * level, up to the first that fails: whichever is then taken, the chance that it is outside the budget is at most the level
 * (fixed-sequence testing; Learn then Test, Angelopoulos et al. 2021, arXiv 2110.01052; the order by two aims is that of Pareto testing,
 * Laufer-Goldshtein et al. 2022, arXiv 2210.07913). The budget has no part in the order, so that a larger one lets no less through.
 *
 * @param tie Of two that seem to lose and gain as much: which one comes first.
 */
export function frontOf<T extends Prospect>(prospects: readonly T[], tie: (a: T, b: T) => number): T[] {
  const ranked = [...prospects].sort((a, b) => a.loss - b.loss || a.gain - b.gain || tie(a, b))
  let most = Number.NEGATIVE_INFINITY
  return ranked.filter(({ gain }) => {
    if (gain <= most) return false
    most = gain
    return true
  })
}

/** What a test of a candidate came to. */
export interface Standing {
  /** It is shown to be inside the budget. */
  readonly passes: boolean
  /** It is seen there, shown or not. */
  readonly inside: boolean
}

/**
 * Tests candidates in their order, up to the first that fails. Where that is the first of all, it looks on for as long as candidates are
 * seen inside the budget: one of these is what can be offered, and nothing is claimed of it.
 */
export async function testInOrder<C, T>(
  sequence: readonly C[],
  test: (candidate: C) => Promise<T>,
  standing: (tested: T) => Standing,
): Promise<T[]> {
  const tested: T[] = []
  for (const candidate of sequence) {
    const found = await test(candidate)
    tested.push(found)
    const { passes, inside } = standing(found)
    if (standing(itemAt(tested, 0, 'candidate')).passes ? !passes : !inside) break
  }
  return tested
}

/** A candidate that is taken, and whether the budget is shown to be kept by it. */
export interface Settled {
  /** Its place in the order. */
  readonly at: number
  readonly proven: boolean
}

/**
 * Which candidate is taken of those tested, in their order: the last before the first that fails. Where the first fails already, nothing
 * is shown; then it is the last before the first that is not even seen inside the budget, and the first of all where that is not.
 */
export function settleOrder(tested: readonly Standing[]): Settled | undefined {
  if (tested.length === 0) return undefined
  const failed = tested.findIndex(({ passes }) => !passes)
  if (failed < 0) return { at: tested.length - 1, proven: true }
  if (failed > 0) return { at: failed - 1, proven: true }
  const beyond = tested.findIndex(({ inside }) => !inside)
  return { at: Math.max(0, (beyond < 0 ? tested.length : beyond) - 1), proven: false }
}
