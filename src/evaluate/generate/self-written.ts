import { count } from '../../count.ts'
import type { TokenDocument } from '../../data/documents/index.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { ModelError, UsageError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { checkSampling, isGreedy, type Sampling } from './choose.ts'
import { type DecoderOptions, openDecoder } from './decoder.ts'
import { checkPrompt } from './generate.ts'
import { openSieve, type Unfit } from './sift.ts'
import { writeTogether } from './write-together.ts'

/** What texts are written with where it is not told. */
export const selfWrittenDefaults = { temperature: 1, seed: 0, batch: 16 } as const

/** Tokens of a text where neither the files nor the caller say how many. */
const UNSAID_TOKENS = 128
const MOST_UNASKED = 1024

/** For each text that is wanted, so many are written at most. */
const TRIES = 4

export interface SelfWrittenOptions extends Sampling, DecoderOptions {
  /** Texts that are wanted. */
  readonly documents: number
  /** Tokens of a text at most, beside its beginning. Default as many as the model reads, 1,024 at most; 128 where its files do not say. */
  readonly tokens?: number | undefined
  /** Default 1: the model's own distribution. */
  readonly temperature?: number | undefined
  /** Default 0. */
  readonly seed?: number | undefined
  /**
   * How texts begin, in turn; what is given is read, and does not count in the loss. Default the token that begins texts, else the one that ends
   * them, behind which another text began where the model learned from joined ones.
   */
  readonly prompts?: readonly string[] | undefined
  /** Texts that are written side by side. Default 16; as many as the file takes where it fixes that. */
  readonly batch?: number | undefined
  /** Further ids that end a text, beside the tokenizer's. */
  readonly endTokens?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
  /** Is told how many texts are kept, of how many that are wanted, as they are written. */
  readonly onProgress?: ((kept: number, wanted: number) => void) | undefined
}

/** Texts that a model wrote. */
export interface SelfWritten {
  /** What is written counts in the loss, what was given does not; ids are those that were drawn. */
  readonly documents: readonly TokenDocument[]
  /** How many were written in all, and how many of these are left out, by why. */
  readonly written: number
  readonly leftOut: Readonly<Record<Unfit, number>>
  /** Whether the file's cache was used; else all tokens are read again for each. */
  readonly cached: boolean
  /** What became of the texts, as sentences. */
  readonly notes: readonly string[]
}

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
    const { kept, written, leftOut } = await sifted(write, {
      wanted,
      beginnings,
      size,
      decode: tokenizer.decode,
      onProgress: options.onProgress,
    })
    const documents = kept.map(({ place, beginning, ids }) =>
      documentOf(tokenizer, { place, beginning, ids, name }),
    )
    const result = { documents, written, leftOut, cached: decoder.cached }
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
    `The tokenizer of ${name} names no token that begins texts, and none that ends them, so nothing says how a text begins. Name eos_token in tokenizer_config.json, or give beginnings (prompts).`,
  )
}

/** One text that is to be written. */
interface Try {
  readonly place: number
  readonly beginning: readonly number[]
}

interface Kept extends Try {
  readonly ids: readonly number[]
}

/** Writes until as many are fit as are wanted. Which text a place has does not depend on how many are written side by side. */
async function sifted(
  write: (tries: readonly Try[]) => Promise<readonly (readonly number[])[]>,
  {
    wanted,
    beginnings,
    size,
    decode,
    onProgress,
  }: {
    readonly wanted: number
    readonly beginnings: readonly (readonly number[])[]
    readonly size: number
    readonly decode: (ids: Iterable<number>) => string
    readonly onProgress: SelfWrittenOptions['onProgress']
  },
): Promise<{ kept: readonly Kept[]; written: number; leftOut: Record<Unfit, number> }> {
  const sieve = openSieve()
  const kept: Kept[] = []
  const leftOut: Record<Unfit, number> = { empty: 0, repeating: 0, duplicate: 0 }
  let written = 0
  while (kept.length < wanted && written < TRIES * wanted) {
    const many = Math.min(wanted - kept.length, TRIES * wanted - written)
    const tries = Array.from({ length: many }, (_, at) => ({
      place: written + at,
      beginning: itemAt(beginnings, (written + at) % beginnings.length, 'beginning'),
    }))
    const texts = new Map<number, readonly number[]>()
    for (const group of ofOneLength(tries, size)) {
      const found = await write(group)
      for (const [at, { place }] of group.entries()) texts.set(place, itemAt(found, at, 'text'))
      onProgress?.(Math.min(wanted, kept.length + texts.size), wanted)
    }
    for (const each of tries) {
      const ids = texts.get(each.place) ?? []
      const unfit = sieve.refuses(ids, decode(ids))
      if (unfit) leftOut[unfit]++
      else kept.push({ ...each, ids })
    }
    written += many
  }
  return { kept, written, leftOut }
}

/** Tries whose beginnings are of one length, at most `size` together. */
function ofOneLength(tries: readonly Try[], size: number): readonly (readonly Try[])[] {
  const lengths = [...new Set(tries.map(({ beginning }) => beginning.length))]
  return lengths.flatMap((length) => {
    const group = tries.filter(({ beginning }) => beginning.length === length)
    return Array.from({ length: Math.ceil(group.length / size) }, (_, at) =>
      group.slice(at * size, (at + 1) * size),
    )
  })
}

function documentOf(
  { bytesOf }: Pick<TextTokenizer, 'bytesOf'>,
  { place, beginning, ids, name }: Kept & { readonly name: string },
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

type Result = Omit<SelfWritten, 'notes'>

const why = ({ leftOut: { empty, repeating, duplicate } }: Result): string =>
  [
    [repeating, 'repeated themselves'],
    [empty, 'had no visible character'],
    [duplicate, 'had been written before'],
  ]
    .flatMap(([many, what]) => (many === 0 ? [] : [`${many} ${what}`]))
    .join(', ')

function notesOf(name: string, wanted: number, result: Result): readonly string[] {
  const { documents, written, cached } = result
  const tokens = documents.reduce((sum, { ids }) => sum + ids.length, 0)
  const left = written - documents.length
  return [
    `${name} wrote ${count(written, 'text')}${left > 0 ? `, of which ${left} ${left === 1 ? 'is' : 'are'} left out (${why(result)})` : ''}; ${count(documents.length, 'text')} with ${count(tokens, 'token')} ${documents.length === 1 ? 'is' : 'are'} kept${documents.length < wanted ? `, where ${wanted} were wanted` : ''}.`,
    ...(cached
      ? []
      : [
          `${name} has no cache for what it has read, so all tokens were read again for each: an export with past_key_values writes many times as fast.`,
        ]),
  ]
}

const nothingFit = (name: string, result: Result): ModelError =>
  new ModelError(
    'self-written-none',
    `Of ${count(result.written, 'text')} that ${name} wrote none can be kept: ${why(result)}. Try another temperature, give beginnings (prompts), or name data that it was trained on.`,
  )
