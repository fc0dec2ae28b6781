import { findHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { Context } from './context.ts'
import type { Ground } from './ground.ts'
import {
  answersAt,
  type Blend,
  type Guess,
  type Look,
  openBlend,
  predicted,
  type Settled,
  type Split,
  split,
} from './path/index.ts'
import { proverOf } from './prover.ts'
import type { Adapters, Trained } from './recipes/index.ts'
import type { TrialSettings, UpdateResult } from './update-types.ts'

/** A rung that was climbed, and what the points of its path seem to be worth. */
export interface Tried {
  readonly index: number
  readonly ground: Ground
  readonly trained: Trained
  readonly guesses: readonly Guess[]
  /** What the guesses were made of, where new accuracy is cross-fitted. */
  readonly looks: readonly Look[]
  readonly method: string
  readonly settings: TrialSettings
  readonly seconds: UpdateResult['seconds']
}

/** A candidate as weights, and how it came to be taken. */
export interface Taken {
  readonly guess: Guess
  readonly settled: Settled
  readonly trial: Tried
  readonly parameters: ReadonlyMap<string, Tensor>
  /** What it answers for the old rows that prove. */
  readonly proof: Int32Array
  readonly adapters: Adapters | undefined
}

/** Weights and answers of candidates. */
export interface Candidates {
  answers(guess: Guess): Promise<Int32Array>
  taken(guess: Guess, settled: Settled): Promise<Taken>
  dispose(): Promise<void>
}

export function openCandidates(context: Context, tried: readonly Tried[]): Candidates {
  const { options, oldClasses, judge, parts, above } = context
  const { engine, widened, stored } = options
  const blends = new Map<number, Promise<Blend>>()
  const trialOf = ({ trial }: Guess) => itemAt(tried, trial, 'trial')
  const blendOf = (guess: Guess): Promise<Blend> => {
    const { start, end } = trialOf(guess).trained
    const found = blends.get(guess.trial) ?? openBlend(engine, start, end)
    blends.set(guess.trial, found)
    return found
  }
  const between = async (guess: Guess) => (await blendOf(guess)).at(guess.alpha)
  const readBack = (weights: ReadonlyMap<string, Tensor>) => (stored ? stored(weights) : weights)
  const proveOnce = proverOf(judge, parts.proof?.inputs, above, 'answersOnce')
  const splits = new Map<string, Split>()
  // All offsets are judged from one evaluation, and from one look at its logits.
  const splitAt = async (
    guess: Guess,
    weights: () => Promise<ReadonlyMap<string, Tensor>>,
    key: string,
  ): Promise<Split> => {
    const { ground } = trialOf(guess)
    const found = splits.get(key) ?? split(await ground.prove(await weights()), oldClasses)
    splits.set(key, found)
    return found
  }
  return {
    answers: async (guess) => {
      const { trial, alpha, offset } = guess
      // Where the file rounds, a shifted border ends in a rounded bias: then each offset is a model of its own.
      if (stored) {
        const weights = async () => readBack(withOffset(widened, oldClasses, await between(guess), offset))
        return answersAt(await splitAt(guess, weights, `${trial} ${alpha} ${offset}`), 0)
      }
      return answersAt(await splitAt(guess, () => between(guess), `${trial} ${alpha}`), offset)
    },
    taken: async (guess, settled) => {
      const trial = trialOf(guess)
      const whole = new Map([...widened.parameters, ...widened.buffers, ...(await between(guess))])
      const parameters = readBack(withOffset(widened, oldClasses, whole, guess.offset))
      return {
        ...{ guess, settled, trial, parameters },
        proof: predicted(await proveOnce(parameters), oldClasses, 0),
        adapters: trial.trained.adapters && atPoint(trial.trained.adapters, guess.alpha, parameters),
      }
    },
    dispose: async () => {
      for (const blend of blends.values()) await (await blend).dispose()
    },
  }
}

/** The updates B A of the point: W + alpha (B A) is W with alpha B for B. What trained in full is the point's. */
function atPoint(
  { lora, parameters }: Adapters,
  alpha: number,
  weights: ReadonlyMap<string, Tensor>,
): Adapters {
  const scaled = new Map(parameters)
  for (const { name } of lora.whole) scaled.set(name, required(weights, name, 'weight'))
  for (const { b } of lora.adapters) {
    const own = parameters.get(b)
    if (!own) continue
    scaled.set(
      b,
      float32(
        own.dims,
        (own.data as Float32Array).map((value) => value * alpha),
      ),
    )
  }
  return { lora, parameters: scaled }
}

/** The weights with the offset added to the new classes' biases. */
function withOffset(
  model: Model,
  oldClasses: number,
  weights: ReadonlyMap<string, Tensor>,
  offset: number,
): ReadonlyMap<string, Tensor> {
  const name = findHead(model)?.bias
  const bias = name === undefined ? undefined : weights.get(name)
  if (name === undefined || !bias || offset === 0) return weights
  const data = (bias.data as Float32Array).map((value, unit) => (unit < oldClasses ? value : value + offset))
  return new Map([...weights, [name, float32(bias.dims, data)]])
}
