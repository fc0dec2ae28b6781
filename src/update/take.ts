import { classLabels } from '../data/dataset.ts'
import { findHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { Context } from './context.ts'
import type { Ground } from './ground.ts'
import {
  type Blend,
  type Guess,
  judgeClaims,
  nothingToGain,
  openBlend,
  passes,
  predicted,
  proveInOrder,
  type Settled,
  sequenceOf,
  settle,
  startOf,
  type Tested,
} from './path/index.ts'
import type { Adapters, Trained } from './recipes/index.ts'
import { pointOf } from './shown.ts'
import type { TrialSettings, UpdateResult } from './update-types.ts'

/** A rung that was climbed, and what the points of its path seem to be worth. */
export interface Tried {
  readonly index: number
  readonly ground: Ground
  readonly trained: Trained
  readonly guesses: readonly Guess[]
  readonly method: string
  readonly settings: TrialSettings
  readonly seconds: UpdateResult['seconds']
}

/** Without old rows nothing says how far to go; half way is what does best on average (WiSE-FT). */
const ALPHA_UNSEEN = 0.5

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

/** What was tested, and which of it is taken. */
export interface Outcome {
  readonly tested: readonly Tested[]
  readonly taken: Taken | undefined
}

/**
 * Puts all candidates in their order, tests them, and takes one; none where that is the old model, which has nothing to prove. Weights of
 * the taken one are those of the file that will be written.
 */
export async function take(context: Context, tried: readonly Tried[]): Promise<Outcome> {
  const { tested, taken } = await tookOf(context, tried)
  return { tested, taken: taken && !isOld(context, taken) ? taken : undefined }
}

/** Whether a candidate is the old model: no output more, and every number the same. */
const isOld = ({ options, aim }: Context, { parameters }: Taken): boolean =>
  !aim.added &&
  [...options.widened.parameters, ...options.widened.buffers].every(([name, { data }]) => {
    const own = required(parameters, name, 'parameter')
    return own.data === data || own.data.every((value, at) => value === data[at])
  })

async function tookOf(context: Context, tried: readonly Tried[]): Promise<Outcome> {
  const { aim, parts } = context
  const guesses = tried.flatMap((each) => each.guesses)
  if (guesses.length === 0) return { tested: [], taken: undefined }
  const points = openPoints(context, tried)
  try {
    const sequence = sequenceOf(guesses, aim)
    if (!parts.proof) {
      const unseen = tried
        .at(-1)
        ?.guesses.find(({ alpha, offset }) => offset === 0 && (alpha === ALPHA_UNSEEN || alpha === 1))
      const guess = sequence.length === 0 ? startOf(guesses) : (unseen ?? startOf(guesses))
      const taken = guess && (await points.taken(guess, { at: 0, proven: false }))
      return { tested: [], taken }
    }
    if (sequence.length === 0) {
      const start = nothingToGain(aim) ? undefined : startOf(guesses)
      const taken = start && (await points.taken(start, { at: 0, proven: true }))
      return { tested: [], taken }
    }
    const labels = classLabels(parts.proof)
    const tested = await proveInOrder({
      sequence,
      claims: context.claims,
      labels,
      confidence: aim.budget.confidence,
      answersOf: points.answers,
      onTested: ({ guess, claims }) => {
        context.options.onEvent?.({ type: 'point', trial: guess.trial, point: pointOf({ guess, claims }) })
      },
    })
    return { tested, taken: await confirmed(context, points, tested) }
  } finally {
    await points.dispose()
  }
}

/**
 * The candidate that is taken, its claims judged once more on the whole model with the weights that the file will give back. Should
 * arithmetic in another order turn a row at the very border, so that it passes no longer, the one before is taken.
 */
async function confirmed(
  { claims, parts, aim }: Context,
  points: Points,
  tested: readonly Tested[],
): Promise<Taken | undefined> {
  const labels = parts.proof ? classLabels(parts.proof) : new Int32Array()
  let settled = settle(tested)
  while (settled) {
    const { guess } = itemAt(tested, settled.at, 'candidate')
    const taken = await points.taken(guess, settled)
    const again = { claims: judgeClaims(claims, taken.proof, labels, aim.budget.confidence) }
    if (!settled.proven || passes(again) || settled.at === 0) return taken
    settled = { at: settled.at - 1, proven: true }
  }
  return undefined
}

/** Weights and answers of candidates. */
interface Points {
  answers(guess: Guess): Promise<Int32Array>
  taken(guess: Guess, settled: Settled): Promise<Taken>
  dispose(): Promise<void>
}

function openPoints(context: Context, tried: readonly Tried[]): Points {
  const { options, oldClasses, judge, parts } = context
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
  const logits = new Map<string, ReturnType<typeof judge.answers>>()
  const answersAt = async (
    guess: Guess,
    weights: () => Promise<ReadonlyMap<string, Tensor>>,
    key: string,
  ) => {
    const { ground } = trialOf(guess)
    const found = logits.get(key) ?? ground.judge.answers(ground.proof, await weights())
    logits.set(key, found)
    return found
  }
  return {
    answers: async (guess) => {
      const { trial, alpha, offset } = guess
      // Where the file rounds, a shifted border ends in a rounded bias: then each offset is a model of its own.
      if (stored) {
        const weights = async () => readBack(withOffset(widened, oldClasses, await between(guess), offset))
        return predicted(await answersAt(guess, weights, `${trial} ${alpha} ${offset}`), oldClasses, 0)
      }
      return predicted(await answersAt(guess, () => between(guess), `${trial} ${alpha}`), oldClasses, offset)
    },
    taken: async (guess, settled) => {
      const trial = trialOf(guess)
      const whole = new Map([...widened.parameters, ...widened.buffers, ...(await between(guess))])
      const parameters = readBack(withOffset(widened, oldClasses, whole, guess.offset))
      return {
        ...{ guess, settled, trial, parameters },
        proof: predicted(await judge.answers(parts.proof, parameters), oldClasses, 0),
        adapters: trial.trained.adapters && atPoint(trial.trained.adapters, guess.alpha),
      }
    },
    dispose: async () => {
      for (const blend of blends.values()) await (await blend).dispose()
    },
  }
}

/** The updates B A of the point: W + alpha (B A) is W with alpha B for B. */
function atPoint({ lora, parameters }: Adapters, alpha: number): Adapters {
  const scaled = new Map(parameters)
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
