import { type Claim, type ClaimResult, judgeClaims } from './claims.ts'
import { standingOf } from './decide.ts'
import { testInOrder } from './fixed-sequence.ts'
import type { Guess, Tested } from './points.ts'

/** Claims of candidates, by {@link keyOf}. */
export type Judged = Map<string, readonly ClaimResult[]>

const keyOf = ({ trial, alpha, offset }: Guess): string => `${trial} ${alpha} ${offset}`

export interface ProofOptions {
  /** In the order of the test; see `sequenceOf`. */
  readonly sequence: readonly Guess[]
  readonly claims: readonly Claim[]
  /** Of the old rows that prove. */
  readonly labels: Int32Array
  readonly confidence: number | undefined
  /** What a candidate answers for these rows. */
  readonly answersOf: (guess: Guess) => Promise<Int32Array>
  /** What claims came to where a candidate was tested before, on the same rows: looked up, and added to. */
  readonly judged?: Judged | undefined
  readonly onTested?: ((tested: Tested) => void) | undefined
}

/** Tests candidates in their order, each on all old rows that prove and at the full level; see {@link testInOrder}. */
export function proveInOrder(options: ProofOptions): Promise<Tested[]> {
  const { sequence, claims, labels, confidence, answersOf, onTested, judged } = options
  const test = async (guess: Guess): Promise<Tested> => {
    const known = judged?.get(keyOf(guess)) ?? judgeClaims(claims, await answersOf(guess), labels, confidence)
    judged?.set(keyOf(guess), known)
    const found: Tested = { guess, claims: known }
    onTested?.(found)
    return found
  }
  return testInOrder(sequence, test, standingOf)
}
