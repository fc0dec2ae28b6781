import { type Agreement, atChance } from '../measure/chance.ts'
import { mcnemar } from '../measure/paired.ts'
import { knewAll } from './advice.ts'
import type { Known, UpdateResult } from './update-types.ts'

const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`
const whole = (value: number): string => value.toLocaleString('en-US')

/** What makes the old model's own answers doubtful: no budget says anything of a model that knows nothing. */
export const doubtsOf = ({ old, new: fresh }: Known): string[] => [
  ...(old && atChance(old)
    ? [
        `${rightOf(old, 'old examples')}. Probably they are not what it was trained on: look at how inputs are prepared (--preprocessing, the order of fields) and whether labels mean the same classes (labels.txt). Until then a budget says nothing: what knows nothing cannot forget.`,
      ]
    : []),
  ...(fresh && atChance(fresh)
    ? [
        `${rightOf(fresh, 'new examples of classes that it knows')}. Either they are of quite another kind, or their labels or the way inputs are prepared (--preprocessing, the order of fields) are wrong.`,
      ]
    : []),
]

const rightOf = ({ right, total, byChance }: Agreement, what: string): string =>
  `Before the update the model answers ${whole(right)} of ${whole(total)} ${what} right (${percent(right / total)}), no more than answers dealt out at random would be (${percent(byChance)})`

/** p value from which on a gain is not told from chance. */
const CHANCE = 0.05

/** What is to be said of a result beside its verdict. */
export function warningsOf(result: UpdateResult): string[] {
  const { learned, known, new: fresh } = result
  const doubts = doubtsOf(known)
  if (knewAll(result)) return doubts
  const { n, before, after, negativeFlips, positiveFlips } = fresh
  if (!learned) {
    return [
      ...doubts,
      `Nothing was learned: of ${whole(n)} new examples ${(100 * before).toFixed(2)} % are right before and ${(100 * after).toFixed(2)} % after.`,
    ]
  }
  const { crossFitted } = fresh
  if (crossFitted && crossFitted.after <= before) {
    return [
      ...doubts,
      `No gain is shown: cross-fitted, new accuracy goes from ${(100 * before).toFixed(2)} to ${(100 * crossFitted.after).toFixed(2)} %. It is higher only on the rows that candidates were compared on. More held-out new examples would tell.`,
    ]
  }
  const p = mcnemar({ negative: negativeFlips, positive: positiveFlips, total: n })
  if (p <= CHANCE) return doubts
  return [
    ...doubts,
    `The gain may be chance: of ${whole(n)} new examples ${whole(positiveFlips)} are right now that were not, and ${whole(negativeFlips)} the reverse. More held-out new examples would tell.`,
  ]
}
