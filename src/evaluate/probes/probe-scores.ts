import type { PredictionSet } from '../../data/formats/index.ts'
import { type Interval, wilson } from '../../measure/wilson.ts'
import { itemAt } from '../../required.ts'
import { byBytes, type ChoiceAnswer, isChoice, type ProbeAnswer } from './probe-answers.ts'

/** A share of probes, as a fraction, with Wilson's 95 % interval. */
export interface ShareRight {
  readonly right: number
  readonly accuracy: number
  readonly interval: Interval
}

/** How well probes are answered; of the kinds that there are. */
export interface ProbeScores {
  readonly choices?:
    | {
        readonly probes: number
        /** By the summed log-likelihood: `acc` of lm-evaluation-harness. */
        readonly sum: ShareRight
        /** By that divided by the choice's UTF-8 bytes: `acc_norm`. */
        readonly bytes: ShareRight
        /** The accuracy of one who guesses: the mean of 1 / choices. */
        readonly chance: number
      }
    | undefined
  readonly answers?: ({ readonly probes: number } & ShareRight) | undefined
}

/**
 * @example
 * probeScores(answers).choices?.sum.accuracy
 */
export function probeScores(answers: readonly ProbeAnswer[]): ProbeScores {
  const choices = answers.filter(isChoice)
  const written = answers.flatMap((answer) => (isChoice(answer) ? [] : [answer]))
  return {
    choices:
      choices.length === 0
        ? undefined
        : {
            probes: choices.length,
            sum: share(choices.map(({ chosen, probe }) => chosen === probe.right)),
            bytes: share(choices.map(({ chosenByBytes, probe }) => chosenByBytes === probe.right)),
            chance: choices.reduce((sum, { probe }) => sum + 1 / probe.choices.length, 0) / choices.length,
          },
    answers:
      written.length === 0
        ? undefined
        : { probes: written.length, ...share(written.map(({ right }) => right)) },
  }
}

function share(rights: readonly boolean[]): ShareRight {
  const right = rights.filter(Boolean).length
  return { right, accuracy: right / rights.length, interval: wilson(right, rights.length) }
}

export interface ProbePredictionsOptions {
  /** What tables call the model. */
  readonly name: string
  /** Which choice is a question's answer: by the summed log-likelihood (default), or by that for each byte. */
  readonly by?: 'sum' | 'bytes' | undefined
}

/**
 * Answers to probes as predictions, for {@link gateProbes} to hold one model's to another's: `id` is the probe's, `label` the right choice or
 * answer, `pred` what the model chose or wrote. `probs` of choices are their shares, softmax of the log-likelihoods that decided.
 *
 * @example
 * gateProbes(probePredictions(before, { name: 'old' }), probePredictions(after, { name: 'new' }), { maxDrop: 0.01 })
 */
export function probePredictions(
  answers: readonly ProbeAnswer[],
  { name, by = 'sum' }: ProbePredictionsOptions,
): PredictionSet {
  const predictions = answers.map((answer) =>
    isChoice(answer)
      ? choicePrediction(answer, by)
      : {
          ...{ id: answer.probe.id, label: answer.probe.answer, pred: answer.written },
          probe: 'answer' as const,
        },
  )
  return { name, predictions, locate: (row) => itemAt(answers, row, 'answer').probe.place }
}

function choicePrediction(answer: ChoiceAnswer, by: 'sum' | 'bytes') {
  const { probe, logLikelihoods, chosen, chosenByBytes } = answer
  const { choices } = probe
  const [values, place] =
    by === 'sum' ? [logLikelihoods, chosen] : [byBytes(probe, logLikelihoods), chosenByBytes]
  const most = itemAt(values, place, 'choice')
  const shares = values.map((value) => Math.exp(value - most))
  const all = shares.reduce((sum, value) => sum + value, 0)
  return {
    id: probe.id,
    label: itemAt(choices, probe.right, 'choice'),
    pred: itemAt(choices, place, 'choice'),
    probs: Object.fromEntries(choices.map((choice, at) => [choice, (shares[at] ?? Number.NaN) / all])),
    probe: 'choice' as const,
  }
}
