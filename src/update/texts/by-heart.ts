import { type TextLoss, totalLoss } from '../../measure/text-scores.ts'

/** Of what a token of other old texts costs, what one of those to rehearse costs at most where these are known by heart. */
const BY_HEART = 1 / 3

/** What the given model loses a token, in nats, on old texts to rehearse and on those that prove. */
export interface KnownByHeart {
  readonly rehearsed: number
  readonly heldOut: number
}

/**
 * Whether the given model knows by heart what is to be rehearsed: it loses a small part of what it loses on other old texts. Such texts were
 * trained on for long, and what the model says of them says little of what it says of others: it is far surer of itself there, and with
 * its own shares it would be taught to be as sure of others, where it is wrong.
 *
 * @returns Undefined where they are not, or no document proves.
 */
export function knownByHeart(
  rehearsed: readonly TextLoss[] | undefined,
  heldOut: readonly TextLoss[] | undefined,
): KnownByHeart | undefined {
  if (!rehearsed?.length || !heldOut?.length) return undefined
  const found = { rehearsed: aToken(rehearsed), heldOut: aToken(heldOut) }
  return found.rehearsed < BY_HEART * found.heldOut ? found : undefined
}

function aToken(losses: readonly TextLoss[]): number {
  const { nats, tokens } = totalLoss(losses)
  return nats / tokens
}
