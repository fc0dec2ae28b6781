import type { TokenDocument } from '../../data/documents/index.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import { checkSampling, isGreedy } from './choose.ts'
import { openDecoder } from './decoder.ts'
import { checkPrompt } from './generate.ts'
import { notesOf, nothingFit } from './self-written-notes.ts'
import type { SelfWritten, SelfWrittenOptions } from './self-written-types.ts'
import { type KeptText, type Try, writeEnough } from './write-enough.ts'
import { writeTogether } from './write-together.ts'

/** What texts are written with where it is not told. */
export const selfWrittenDefaults = { temperature: 1, seed: 0, batch: 16 } as const

/** Tokens of a text where neither the files nor the caller say how many. */
const UNSAID_TOKENS = 128
const MOST_UNASKED = 1024

/**
 * Texts that a language model writes itself, to be rehearsed where nothing is left of what it was trained on (Robins 1995, Connection Science;
 * for language models LAMOL: Sun et al. 2020, ICLR, arXiv 1909.03329). Tokens are drawn from its own distribution, texts side by side, with the
 * file's cache where it has one. Texts without a visible character, those that repeat themselves (half of their pieces of four tokens have
 * come before) and those that came twice are left out, and others are written in their place, up to four times as many as are wanted.
 *
 * The same seed gives the same texts, on one number of threads: each has its own stream of random numbers.
 *
 * @throws UsageError `self-written-count`, `self-written-prompt` where nothing says how a text begins, `self-written-greedy` for the likeliest token
 * each time, which writes one text for each beginning; what `generate` throws; ModelError `self-written-none` where no text is fit.
 * @example
 * const { documents } = await selfWrittenTexts(engine, model, tokenizer, { documents: 200, tokens: 128 })
 */
export async function selfWrittenTexts(
  engine: Engine,
  model: Model,
  tokenizer: Pick<TextTokenizer, 'ids' | 'decode' | 'eos' | 'frame' | 'limit' | 'bytesOf'>,
  options: SelfWrittenOptions,
): Promise<SelfWritten> {
  const { documents: wanted, prompts, name = 'the model', seed = selfWrittenDefaults.seed } = options
  const sampling = { ...options, temperature: options.temperature ?? selfWrittenDefaults.temperature }
  checkAsked(sampling)
  const beginnings = beginningsOf(tokenizer, prompts, name)
  const decoder = await openDecoder(engine, model, options)
  try {
    const context = Math.min(
      tokenizer.limit ?? Number.POSITIVE_INFINITY,
      decoder.context ?? Number.POSITIVE_INFINITY,
    )
    for (const beginning of beginnings) checkPrompt(beginning, decoder.vocabulary, context, name)
    const maxTokens =
      options.tokens ?? (Number.isFinite(context) ? Math.min(context, MOST_UNASKED) : UNSAID_TOKENS)
    const stopTokens = [...(tokenizer.eos === undefined ? [] : [tokenizer.eos]), ...(options.endTokens ?? [])]
    const size = decoder.rows ?? options.batch ?? selfWrittenDefaults.batch
    const write = (tries: readonly Try[]) =>
      writeTogether(
        decoder,
        tries.map(({ beginning }) => beginning),
        {
          ...{ ...sampling, maxTokens, context, stopTokens, signal: options.signal },
          randoms: tries.map(({ place }) => randomStream(seed, `self-written/${place}`)),
        },
      )
    const { kept, written, leftOut, seconds } = await writeEnough(write, {
      wanted,
      within: options.within,
      beginnings,
      size,
      decode: tokenizer.decode,
      onProgress: options.onProgress,
    })
    const documents = kept.map(({ place, beginning, ids }) =>
      documentOf(tokenizer, { place, beginning, ids, name }),
    )
    const result = { documents, written, leftOut, seconds, cached: decoder.cached }
    if (documents.length === 0) throw nothingFit(name, result)
    return { ...result, notes: notesOf(name, wanted, result) }
  } finally {
    await decoder.dispose()
  }
}

function checkAsked(options: SelfWrittenOptions): void {
  checkSampling(options)
  for (const [what, value] of [
    ['documents', options.documents],
    ['tokens', options.tokens ?? 1],
    ['batch', options.batch ?? 1],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new UsageError(
      'self-written-count',
      `Texts that a model writes itself: ${what} is a whole number from 1 on, and ${value} was given.`,
    )
  }
  if (!isGreedy(options)) return
  throw new UsageError(
    'self-written-greedy',
    'Texts that a model writes itself are drawn, but the temperature is 0, at which each beginning has one text alone. Give a temperature above 0; 1 is the model’s own distribution.',
  )
}

function beginningsOf(
  { frame, eos, ids }: Pick<TextTokenizer, 'ids' | 'eos' | 'frame'>,
  prompts: readonly string[] | undefined,
  name: string,
): readonly (readonly number[])[] {
  if (prompts && prompts.length > 0) return prompts.map((prompt) => [...frame.before, ...ids(prompt)])
  if (frame.before.length > 0) return [frame.before]
  if (eos !== undefined) return [[eos]]
  throw new UsageError(
    'self-written-prompt',
    `The tokenizer of ${name} names no token that begins texts, and none that ends them, so nothing says how a text begins. Name eos_token in tokenizer_config.json, or give beginnings, in a configuration as model.written.prompts.`,
  )
}

function documentOf(
  { bytesOf }: Pick<TextTokenizer, 'bytesOf'>,
  { place, beginning, ids, name }: KeptText & { readonly name: string },
): TokenDocument {
  const learned = new Uint8Array(beginning.length + ids.length)
  learned.fill(1, beginning.length)
  return {
    place: `text ${place + 1} that ${name} wrote`,
    ids: Int32Array.from([...beginning, ...ids]),
    bytes: ids.reduce((sum, id) => sum + bytesOf(id), 0),
    // The first token never counts.
    ...(beginning.length === 1 ? {} : { learned }),
  }
}
