interface ProbeText {
  /** What answers of several models are joined on: the row's `id`, else its number from 0 on. */
  readonly id: string
  /** For example `probes.jsonl, line 7`. */
  readonly place: string
  readonly prompt: string
  /** What stands between the prompt and what follows it, where neither has white space there. Default a space. */
  readonly delimiter: string
}

/** A question with choices, of which one is right. */
export interface ChoiceProbe extends ProbeText {
  readonly kind: 'choice'
  /** At least two, no two alike. */
  readonly choices: readonly string[]
  /** The number of the right one, from 0 on. */
  readonly right: number
}

/** A prompt with one exact answer. */
export interface AnswerProbe extends ProbeText {
  readonly kind: 'answer'
  /** Without white space around it. */
  readonly answer: string
}

/** A question that a language model is asked to see what it knows. */
export type Probe = ChoiceProbe | AnswerProbe

/** Probes of a file. */
export interface ProbeSet {
  readonly name: string
  /** At least one; no two have the same id. */
  readonly probes: readonly Probe[]
}

/** What stands between prompt and answer where a probe does not say. */
export const usualDelimiter = ' '
