import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Answers, Judge } from '../../evaluate/judge.ts'
import type { ReadBack } from '../../model/import/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { openBlend } from './blend.ts'
import type { Look } from './cross-fit.ts'
import { guessesAt } from './guess.ts'
import type { Guess } from './points.ts'

export interface WalkOptions {
  readonly engine: Engine
  readonly judge: Judge
  readonly trial: number
  /** The weights at both ends, by name. */
  readonly start: ReadonlyMap<string, Tensor>
  readonly end: ReadonlyMap<string, Tensor>
  /** Old rows that order candidates, and what the old model answers for them. */
  readonly order: Dataset | undefined
  readonly before: Answers
  readonly fresh: Dataset
  readonly oldClasses: number
  /** Weights as the file that they go to gives them back; default as they are. */
  readonly stored?: ReadBack | undefined
  /** Whether the border between old and new classes may be shifted. */
  readonly shift: boolean
  /** Points to look at; 0 and 1 are the ends. Default 0, 0.25, 0.5, 0.75, 1. */
  readonly alphas?: readonly number[]
  /** What was seen at each point, for those who make the same guesses of other new rows. */
  readonly onLook?: ((look: Look) => void) | undefined
}

const ALPHAS = [0, 0.25, 0.5, 0.75, 1]

/** Guesses what points of the straight way between two sets of weights are worth, without a look at the rows that prove. */
export async function walkPath(options: WalkOptions): Promise<Guess[]> {
  const { engine, judge, start, end, trial, before, oldClasses, shift } = options
  const blend = await openBlend(engine, start, end)
  const found: Guess[] = []
  // Where nothing moves one look is enough.
  const still = [...end].every(([name, tensor]) => start.get(name) === tensor)
  try {
    for (const alpha of still ? [1] : (options.alphas ?? ALPHAS)) {
      const between = await blend.at(alpha)
      const weights = options.stored ? options.stored(between) : between
      const old = await judge.answers(options.order, weights)
      const fresh = await judge.answers(options.fresh, weights)
      const request = { trial, alpha, old, fresh, before, oldClasses, shift }
      const guesses = guessesAt(request)
      found.push(...guesses)
      options.onLook?.({ request, guesses })
    }
  } finally {
    await blend.dispose()
  }
  return found
}
