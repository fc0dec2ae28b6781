import type { TextLoss } from '../../measure/text-scores.ts'
import type { TextUpdateBudget } from './text-update-types.ts'

/** A budget as a share of the nats that some documents cost, whatever its unit. */
export function relativeBudget(
  { unit, maxChange }: Pick<TextUpdateBudget, 'unit' | 'maxChange'>,
  { nats, bytes, tokens }: TextLoss,
): number {
  switch (unit) {
    case 'relative':
      return maxChange
    case 'bits':
      return (maxChange * bytes * Math.LN2) / nats
    case 'perplexity':
      return (Math.log(maxChange) * tokens) / nats
  }
}
