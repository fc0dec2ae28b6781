import type { AnswerProbe, ChoiceProbe } from '../../data/probes/index.ts'

/** What a model makes of a question's choices. */
export interface ChoiceAnswer {
  readonly probe: ChoiceProbe
  /** Of each choice the sum of ln p over its tokens, behind the prompt. */
  readonly logLikelihoods: readonly number[]
  /** The choice with the largest of these; of equal ones the first. */
  readonly chosen: number
  /** The choice for which the sum divided by its UTF-8 bytes is largest. */
  readonly chosenByBytes: number
}

/** What a model writes behind a prompt. */
export interface WrittenAnswer {
  readonly probe: AnswerProbe
  /** Greedily, as many tokens as the answer has, or fewer where the text ended; without white space around it. */
  readonly written: string
  readonly right: boolean
}

/** What a model answers to probes. */
export type ProbeAnswer = ChoiceAnswer | WrittenAnswer

export const isChoice = (answer: ProbeAnswer): answer is ChoiceAnswer => answer.probe.kind === 'choice'

const utf8 = new TextEncoder()

/** UTF-8 bytes of a text. */
const bytesIn = (text: string): number => utf8.encode(text).length

/** What goes for what: the choices of a probe, and what each is worth by its bytes. */
export const byBytes = ({ choices }: ChoiceProbe, logLikelihoods: readonly number[]): readonly number[] =>
  choices.map((choice, at) => (logLikelihoods[at] ?? Number.NaN) / bytesIn(choice))

/** The place of the largest number; of equal ones the first. */
export function placeOfLargest(values: readonly number[]): number {
  let best = 0
  for (const [at, value] of values.entries()) if (value > (values[best] ?? Number.NaN)) best = at
  return best
}

/** @param logLikelihoods Finite, one a choice. */
export const choiceAnswer = (probe: ChoiceProbe, logLikelihoods: readonly number[]): ChoiceAnswer => ({
  probe,
  logLikelihoods,
  chosen: placeOfLargest(logLikelihoods),
  chosenByBytes: placeOfLargest(byBytes(probe, logLikelihoods)),
})
