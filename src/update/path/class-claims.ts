import { confidenceRange, defaultConfidence } from '../../measure/confidence.ts'
import { groupVerdicts, outsideTail } from '../../measure/group-verdicts.ts'
import type { PairedCounts } from '../../measure/paired.ts'
import { judgeDrop } from '../../measure/verdict.ts'
import { itemAt } from '../../required.ts'
import type { Claim, ClaimResult, LostClass } from './claim.ts'

/** Flips of one class. */
interface OwnClass {
  readonly unit: number
  readonly counts: PairedCounts
  readonly right: number
}

function classesOf(before: Int32Array, after: Int32Array, labels: Int32Array): OwnClass[] {
  const found = new Map<number, { negative: number; positive: number; total: number; right: number }>()
  for (const [row, label] of labels.entries()) {
    const answered = itemAt(before, row, 'row')
    if (answered < 0) continue
    const own = found.get(label) ?? { negative: 0, positive: 0, total: 0, right: 0 }
    found.set(label, own)
    const [was, is] = [answered === label, after[row] === label]
    own.total++
    if (was) own.right++
    if (was && !is) own.negative++
    if (!was && is) own.positive++
  }
  return [...found].map(([unit, { right, ...counts }]) => ({ unit, counts, right }))
}

/**
 * The claim that no old class is shown to have lost more than its budget: that of the gate's rule on classes, by the same test on the same flips.
 * It fails where one is shown to be outside, at a family-wise error of 1 - confidence (Holm 1979), and passes else: that each class is
 * inside is not shown. Figures are of the class that is nearest to being shown outside, with the bound that decides: one of
 * confidence 1 - (1 - confidence) / classes, so that it fails where `lower` is above the budget.
 */
export function judgeClasses(
  { name, maxDrop, before, classes: names }: Claim,
  after: Int32Array,
  labels: Int32Array,
  asked: number = defaultConfidence,
): ClaimResult {
  const classes = classesOf(before, after, labels)
  if (maxDrop === null) throw new Error('A claim of classes has a budget.')
  const budget = maxDrop
  const nameOf = (unit: number) => names?.[unit] ?? String(unit)
  const verdicts = groupVerdicts(
    classes.map(({ counts }) => counts),
    { budget, confidence: asked },
  )
  const worse = classes
    .filter((_, at) => verdicts[at]?.verdict === 'worse')
    .map(({ unit, counts }): LostClass => ({ name: nameOf(unit), drop: dropOf(counts) }))
    .sort((a, b) => b.drop - a.drop)
  const p = ({ counts }: OwnClass) => outsideTail(counts, budget)
  const nearest = classes.reduce((a, b) =>
    p(b) < p(a) || (p(b) === p(a) && dropOf(b.counts) > dropOf(a.counts)) ? b : a,
  )
  const { counts, right, unit } = nearest
  const confidence = Math.min(confidenceRange.most, 1 - (1 - asked) / classes.length)
  const { drop, lower, upper } = judgeDrop(counts, { budget, confidence })
  return {
    ...{ name, maxDrop, confidence, drop, lower, upper, worse },
    class: nameOf(unit),
    verdict: worse.length > 0 ? 'fail' : 'pass',
    before: right / counts.total,
    after: right / counts.total - drop,
    ...{ n: counts.total, effective: counts.total, flips: counts, unseen: 0, neededN: null },
  }
}

const dropOf = ({ negative, positive, total }: PairedCounts): number => (negative - positive) / total
