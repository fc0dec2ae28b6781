import { classLabels } from '../data/dataset.ts'
import { itemAt, required } from '../required.ts'
import { type Candidates, openCandidates, type Taken, type Tried } from './candidates.ts'
import type { Context } from './context.ts'
import { crossFits } from './parts.ts'
import {
  type CrossFitted,
  crossFit,
  type Guess,
  type Judged,
  judgeClaims,
  nothingToGain,
  passes,
  proveInOrder,
  sequenceOf,
  settle,
  startOf,
  type Tested,
} from './path/index.ts'
import { pointOf } from './shown.ts'

/** Without old rows nothing says how far to go; half way is what does best on average (WiSE-FT). */
const ALPHA_UNSEEN = 0.5

/** What was tested, and which of it is taken. */
export interface Outcome {
  readonly tested: readonly Tested[]
  readonly taken: Taken | undefined
  /** New accuracy where each row is measured without a part in the choice; null where nothing was chosen by it, or other rows tell. */
  readonly crossFitted: CrossFitted | null
}

/**
 * Puts all candidates in their order, tests them, and takes one; none where that is the old model, which has nothing to prove. Weights of
 * the taken one are those of the file that will be written.
 */
export async function take(context: Context, tried: readonly Tried[]): Promise<Outcome> {
  const { aim, parts } = context
  const guesses = tried.flatMap((each) => each.guesses)
  if (guesses.length === 0) return nothing
  const candidates = openCandidates(context, tried)
  try {
    const sequence = sequenceOf(guesses, aim)
    if (!parts.proof || sequence.length === 0) {
      const guess = parts.proof ? unmoved(context, guesses) : unproven(tried, sequence)
      const taken = guess && (await candidates.taken(guess, { at: 0, proven: parts.proof !== undefined }))
      return { ...nothing, taken: moved(context, taken) }
    }
    const judged: Judged = new Map()
    const tested = await proof(context, candidates, sequence, judged, ({ guess, claims }) =>
      context.options.onEvent?.({ type: 'point', trial: guess.trial, point: pointOf({ guess, claims }) }),
    )
    const taken = moved(context, await confirmed(context, candidates, tested))
    return { tested, taken, crossFitted: taken ? await measured(context, candidates, tried, judged) : null }
  } finally {
    await candidates.dispose()
  }
}

const nothing: Outcome = { tested: [], taken: undefined, crossFitted: null }

/** Where no candidate gains: the one that changes least; none where nearly all is right already. */
const unmoved = ({ aim }: Context, guesses: readonly Guess[]): Guess | undefined =>
  nothingToGain(aim) ? undefined : startOf(guesses)

/** Without old rows that prove: half of the way of the last rung, where anything gains. */
function unproven(tried: readonly Tried[], sequence: readonly Guess[]): Guess | undefined {
  const unseen = tried
    .at(-1)
    ?.guesses.find(({ alpha, offset }) => offset === 0 && (alpha === ALPHA_UNSEEN || alpha === 1))
  const start = startOf(tried.flatMap(({ guesses }) => guesses))
  return sequence.length === 0 ? start : (unseen ?? start)
}

/** A candidate, unless it is the old model: no output more, and every number the same. */
function moved({ options, aim }: Context, taken: Taken | undefined): Taken | undefined {
  if (!taken || aim.added) return taken
  const { parameters, buffers } = options.widened
  const same = [...parameters, ...buffers].every(([name, { data }]) => {
    const own = required(taken.parameters, name, 'parameter')
    return own.data === data || own.data.every((value, at) => value === data[at])
  })
  return same ? undefined : taken
}

/** Tests candidates in an order, on all old rows that prove. */
export const proof = (
  { claims, parts, aim }: Context,
  candidates: Candidates,
  sequence: readonly Guess[],
  judged?: Judged,
  onTested?: (tested: Tested) => void,
): Promise<Tested[]> =>
  proveInOrder({
    ...{ sequence, claims, judged, onTested },
    labels: parts.proof?.labels ?? new Int32Array(),
    confidence: aim.budget.confidence,
    answersOf: candidates.answers,
  })

/** New accuracy of what would have been taken, had each row had no part in the choice. */
async function measured(
  context: Context,
  candidates: Candidates,
  tried: readonly Tried[],
  judged: Judged,
): Promise<CrossFitted | null> {
  const { parts, baseline, aim } = context
  if (!crossFits(parts)) return null
  return crossFit({
    ...{ aim, before: baseline.choose, looks: tried.flatMap(({ looks }) => looks) },
    labels: classLabels(parts.choose),
    chosenOf: async (sequence) => {
      const tested = await proof(context, candidates, sequence, judged)
      const settled = settle(tested)
      return settled && itemAt(tested, settled.at, 'candidate').guess
    },
  })
}

/**
 * The candidate that is taken, its claims judged once more on the whole model with the weights that the file will give back. Should
 * arithmetic in another order turn a row at the very border, so that it passes no longer, the one before is taken.
 */
async function confirmed(
  { claims, parts, aim }: Context,
  candidates: Candidates,
  tested: readonly Tested[],
): Promise<Taken | undefined> {
  const labels = parts.proof?.labels ?? new Int32Array()
  let settled = settle(tested)
  while (settled) {
    const { guess } = itemAt(tested, settled.at, 'candidate')
    const taken = await candidates.taken(guess, settled)
    const again = { claims: judgeClaims(claims, taken.proof, labels, aim.budget.confidence) }
    if (!settled.proven || passes(again) || settled.at === 0) return taken
    settled = { at: settled.at - 1, proven: true }
  }
  return undefined
}
