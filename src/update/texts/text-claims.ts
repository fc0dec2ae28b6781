import { defaultConfidence } from '../../measure/confidence.ts'
import { mostRatioConfidence } from '../../measure/ratio-change.ts'
import { bitsPerByte, type TextLoss, totalLoss } from '../../measure/text-scores.ts'
import { judgeTexts, type PairedTexts } from '../../measure/text-verdict.ts'
import { itemAt } from '../../required.ts'
import { confidenceAfter, type Standing } from '../path/index.ts'
import type { TextClaim, TextUpdateBudget } from './text-update-types.ts'

/** What candidates are held to, on the documents that prove. */
export interface TextClaims {
  readonly budget: TextUpdateBudget
  /** What the given model loses on each document. */
  readonly before: readonly TextLoss[]
  /** What the first release lost on each; undefined where there was none before. */
  readonly first: readonly (TextLoss | undefined)[] | undefined
  /** Releases that the documents have proved before. */
  readonly uses: number
}

/** What the claims come to for a model's losses. The first is the one that is spoken of. */
export function judgeTextClaims(claims: TextClaims, after: readonly TextLoss[]): readonly TextClaim[] {
  const { budget, before, first, uses } = claims
  const { maxChange, maxTotal = maxChange, confidence = defaultConfidence } = budget
  const pairs = after.map((loss, at) => ({ before: itemAt(before, at, 'document'), after: loss }))
  const known = pairs.flatMap(({ after: loss }, at) => {
    const own = first?.[at]
    return own ? [{ before: own, after: loss }] : []
  })
  const deployed = claim('deployed', pairs, { ...budget, maxChange }, confidence)
  if (known.length === 0) return [deployed]
  const total = { ...budget, maxChange: maxTotal }
  return [deployed, claim('total', known, total, confidenceAfter(uses, confidence))]
}

function claim(
  name: TextClaim['name'],
  pairs: readonly PairedTexts[],
  { unit, maxChange }: TextUpdateBudget,
  wanted: number,
): TextClaim {
  const confidence = Math.min(wanted, mostRatioConfidence)
  const { verdict, ...found } = judgeTexts(pairs, { unit, budget: maxChange, confidence })
  return {
    ...{ name, confidence },
    before: bitsPerByte(totalLoss(pairs.map(({ before }) => before))),
    after: bitsPerByte(totalLoss(pairs.map(({ after }) => after))),
    ...found,
    // So often have the documents proved that nothing they can show would be sure enough.
    verdict: verdict === 'pass' && wanted > confidence ? 'inconclusive' : verdict,
  }
}

/** How a candidate came out: it passes where all claims do, and is seen inside where no change is beyond its limit. */
export const textStanding = (claims: readonly TextClaim[]): Standing => ({
  passes: claims.every(({ verdict }) => verdict === 'pass'),
  inside: claims.every(({ verdict, change, budget }) => verdict !== 'fail' && change <= budget),
})
