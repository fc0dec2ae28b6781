import { itemAt } from '../../required.ts'
import { type Claim, type ClaimResult, judgeClaims } from './claims.ts'
import { passes, seenInside } from './decide.ts'
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

/**
 * Tests candidates in their order, each on all old rows that prove and at the full level, up to the first that fails. Where that is the
 * first of all, it looks on for as long as candidates are seen inside the budget: one of these is what can be offered, and nothing is
 * claimed of it.
 */
export async function proveInOrder(options: ProofOptions): Promise<Tested[]> {
  const { sequence, claims, labels, confidence, answersOf, onTested, judged } = options
  const tested: Tested[] = []
  for (const guess of sequence) {
    const known = judged?.get(keyOf(guess)) ?? judgeClaims(claims, await answersOf(guess), labels, confidence)
    judged?.set(keyOf(guess), known)
    const found: Tested = { guess, claims: known }
    tested.push(found)
    onTested?.(found)
    const first = itemAt(tested, 0, 'candidate')
    if (passes(first) ? !passes(found) : !seenInside(found)) break
  }
  return tested
}
