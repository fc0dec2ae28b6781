import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { checkSampling, chooseToken, type Sampling } from './choose.ts'
import { type Decoder, type DecoderOptions, openDecoder } from './decoder.ts'

export interface GenerateOptions extends Sampling, DecoderOptions {
  /** Default 128. */
  readonly maxTokens?: number | undefined
  /** Of what is drawn. Default 0. */
  readonly seed?: number | undefined
  /** Ids that end the text; the one that did is not handed out. Default none. */
  readonly stopTokens?: readonly number[] | undefined
  /** The most tokens that the model reads, those of the prompt among them. Default as many as the file takes. */
  readonly context?: number | undefined
  /** Ends it before the next token. */
  readonly signal?: AbortSignal | undefined
}

export interface GeneratedToken {
  readonly token: number
  /** Natural logarithm of the share that the model gave it, at temperature 1. */
  readonly logProbability: number
}

/** Why no more came: a token that ends the text, as many as were asked for, as many as the model reads, or the caller's signal. */
export type GenerationEnd = 'stop' | 'length' | 'context' | 'aborted'

/** What `generate` takes where it is not told. */
export const generateDefaults = { maxTokens: 128, seed: 0 } as const

/**
 * Continues a text, token by token: the likeliest each time, or drawn where a temperature, k or p is given. Where the model's
 * file has a cache it is used, else all tokens are read again for each.
 *
 * @param tokens The prompt's ids, at least one.
 * @returns Why it ended.
 * @throws UsageError `generate-prompt` for an empty prompt or an id that the model does not know, `prompt-too-long`, and what
 * {@link checkSampling} throws; ModelError what {@link openDecoder} throws.
 * @example
 * for await (const { token } of generate(engine, model, [464, 318], { maxTokens: 20 })) console.log(token)
 */
export async function* generate(
  engine: Engine,
  model: Model,
  tokens: readonly number[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, GenerationEnd> {
  checkSampling(options)
  const decoder = await openDecoder(engine, model, options)
  try {
    return yield* continued(decoder, tokens, options)
  } finally {
    await decoder.dispose()
  }
}

/** The same with a decoder that is open already. */
export async function* continued(
  decoder: Decoder,
  tokens: readonly number[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, GenerationEnd> {
  checkSampling(options)
  const { maxTokens = generateDefaults.maxTokens, stopTokens = [], signal } = options
  const context = Math.min(
    options.context ?? Number.POSITIVE_INFINITY,
    decoder.context ?? Number.POSITIVE_INFINITY,
  )
  checkPrompt(tokens, decoder.vocabulary, context, options.name)
  const random = randomStream(options.seed ?? generateDefaults.seed, 'generate')
  const decoding = decoder.begin()
  let fresh = tokens
  for (let count = 0; count < maxTokens; count++) {
    if (signal?.aborted) return 'aborted'
    if (tokens.length + count > context) return 'context'
    const logits = await decoding.read([fresh])
    const { token, logProbability } = chooseToken(logits.data, options, random)
    if (stopTokens.includes(token)) return 'stop'
    yield { token, logProbability }
    fresh = [token]
  }
  return 'length'
}

/** @throws UsageError `generate-prompt`, `prompt-too-long`. */
export function checkPrompt(
  tokens: readonly number[],
  vocabulary: number,
  context: number,
  name = 'the model',
): void {
  if (tokens.length === 0) {
    throw new UsageError(
      'generate-prompt',
      'The prompt has no tokens, and there is nothing to go on from. Give a text, or the id of the token that begins texts.',
    )
  }
  const strange = tokens.findIndex(
    (token) => !(Number.isSafeInteger(token) && token >= 0 && token < vocabulary),
  )
  if (strange >= 0) {
    throw new UsageError(
      'generate-prompt',
      `The prompt's token ${itemAt(tokens, strange, 'token')} at place ${strange} is none of ${name}, which knows 0 to ${vocabulary - 1}. The tokenizer is that of another model.`,
    )
  }
  if (tokens.length > context) {
    throw new UsageError(
      'prompt-too-long',
      `The prompt has ${tokens.length} tokens, but ${name} reads ${context} at most. Shorten it.`,
    )
  }
}
