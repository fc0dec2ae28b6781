import { defaultConfidence } from './confidence.ts'
import { dropTail, type PairedCounts } from './drop-test.ts'
import { holm } from './statistics.ts'
import type { DropBudget } from './verdict.ts'

/** What is said of one of several groups that are held to one budget. The p values are Holm's, over all of them. */
export interface GroupVerdict {
  /** Against "the drop is the budget or more". */
  readonly insideP: number
  /** Against "the drop is the budget or less". */
  readonly outsideP: number
  /** `worse`: shown to be outside the budget; `kept`: shown to be inside; else `unclear`, as small groups often are. */
  readonly verdict: 'kept' | 'worse' | 'unclear'
}

/**
 * Holds each of several groups of examples, classes or slices, against one budget, at a family-wise error of 1 - confidence (Holm 1979):
 * the chance that any group inside the budget is called worse is at most that. The one place where gate and update say so.
 *
 * @param groups Flips of each; those without examples are none.
 * @example groupVerdicts([{ negative: 30, positive: 0, total: 300 }], { budget: 0.05 })[0].verdict // 'worse'
 */
export function groupVerdicts(
  groups: readonly PairedCounts[],
  { budget, confidence = defaultConfidence }: DropBudget,
): GroupVerdict[] {
  const error = 1 - confidence
  const inside = holm(groups.map((counts) => dropTail(counts, budget)))
  const outside = holm(groups.map((counts) => outsideTail(counts, budget)))
  return groups.map((_, at) => {
    const insideP = inside[at] ?? 1
    const outsideP = outside[at] ?? 1
    return { insideP, outsideP, verdict: outsideP <= error ? 'worse' : insideP <= error ? 'kept' : 'unclear' }
  })
}

/** The p value against "the drop is `drop` or less": what is a drop for one model is a gain for the other. */
export const outsideTail = ({ negative, positive, total }: PairedCounts, drop: number): number =>
  dropTail({ negative: positive, positive: negative, total }, -drop)
