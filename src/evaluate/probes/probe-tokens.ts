import type { Probe } from '../../data/probes/index.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import { DataError } from '../../errors.ts'

/** What scoring needs of a tokenizer. */
export type ProbeCodec = Pick<TextTokenizer, 'ids' | 'decode' | 'eos' | 'frame' | 'limit' | 'filler'>

/** A prompt and what follows it, as a model reads them. */
export interface Continuation {
  readonly ids: readonly number[]
  /** Where what follows the prompt begins among them: at least 1, as nothing predicts the first token of all. */
  readonly from: number
}

/**
 * A prompt with a text behind it, as tokens. White space at the prompt's end goes to what follows, as tokenizers put a word's space
 * before it; but line ends stay with a prompt that is to be answered: those of chat templates end so, and no model learns to write that.
 * Where neither the prompt ends nor the text begins with white space, the probe's delimiter stands between.
 *
 * The whole is tokenized as one text. What follows begins at the first token that is not the prompt's own: one that reaches over
 * the border counts. A text gets the special tokens that begin one; where the tokenizer has none, and the prompt is empty, the
 * token that ends texts stands before it.
 *
 * @throws DataError `probe-prompt` for an empty prompt without a token to begin with, `probe-choice-empty` for a text without tokens.
 * @example
 * continuationOf({ ...probe, prompt: '2 + 2 =' }, '4', tokenizer) // the tokens of '2 + 2 = 4', from that of ' 4' on
 */
export function continuationOf(probe: Probe, text: string, tokenizer: ProbeCodec): Continuation {
  const context = probe.kind === 'answer' ? probe.prompt.replace(/[^\S\n]+$/, '') : probe.prompt.trimEnd()
  const own = probe.prompt.slice(context.length)
  const apart = own !== '' || context === '' || /\s$/.test(context) || /^\s/.test(text)
  const gap = apart ? own : probe.delimiter
  const whole = tokenizer.ids(`${context}${gap}${text}`)
  const shared = commonLength(tokenizer.ids(context), whole)
  if (shared === whole.length) {
    throw new DataError(
      'probe-choice-empty',
      `${probe.place}: the tokenizer makes no tokens of "${text}" behind the prompt, so it has no likelihood. Correct it, or leave the probe out.`,
    )
  }
  const begin = beginning(probe, shared, tokenizer)
  return { ids: [...begin, ...whole], from: begin.length + shared }
}

function beginning(probe: Probe, shared: number, { frame, eos }: ProbeCodec): readonly number[] {
  if (frame.before.length > 0 || shared > 0) return frame.before
  if (eos !== undefined) return [eos]
  throw new DataError(
    'probe-prompt',
    `${probe.place}: the prompt is empty, and the tokenizer has no token that begins or ends texts, so nothing predicts the first token. Give a prompt, or name one in tokenizer_config.json: "eos_token": "...".`,
  )
}

/** How many tokens two texts begin with alike. */
function commonLength(a: readonly number[], b: readonly number[]): number {
  const differ = a.findIndex((id, at) => id !== b[at])
  return differ < 0 ? a.length : differ
}
