import { Tokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'
import { DataError } from '../../errors.ts'
import { parseConfig } from '../config.ts'
import { createDataset, type Dataset } from '../dataset.ts'
import { describe } from '../rows.ts'
import { padRows, rowLength, type TokenRow } from './token-rows.ts'

/** Texts to token ids, as the model was trained to read them. */
export interface TextTokenizer {
  /** The id that fills up short rows. */
  readonly pad: number
  /** The most tokens that the model reads, special tokens included; undefined where nothing says. */
  readonly limit: number | undefined
  /** How many ids there are: the rows that an embedding needs. */
  readonly size: number
  /** The ids of a text, at most `length` of them: what is too long loses its end, and keeps its special tokens. */
  readonly encode: (text: string, length?: number) => TokenRow
  /** The same of a text that is divided into words. */
  readonly encodeWords: (words: readonly string[], length?: number) => TokenRow
}

/** The texts of the files that make a tokenizer, as they lie beside a model. */
export interface TokenizerFiles {
  /** tokenizer.json */
  readonly tokenizer: string
  /** tokenizer_config.json */
  readonly tokenizerConfig?: string | undefined
  /** config.json, for the model's longest input */
  readonly config?: string | undefined
  /** The folder, named in errors. */
  readonly folder?: string | undefined
}

const named = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)])

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional(), unk_token: z.string().nullish() }),
  pre_tokenizer: z.looseObject({ type: z.string() }).nullish(),
  padding: z.looseObject({ pad_id: z.int() }).nullish(),
})

const configSchema = z.looseObject({
  unk_token: named.nullish(),
  pad_token: named.nullish(),
  model_max_length: z.number().nullish(),
  truncation_side: z.enum(['left', 'right']).nullish(),
})

const modelSchema = z.looseObject({
  model_type: z.string().nullish(),
  max_position_embeddings: z.int().nullish(),
  n_positions: z.int().nullish(),
})

/** Larger limits mean "none" in a tokenizer_config.json. */
const endless = 1_000_000

/**
 * A tokenizer from Hugging Face's files. The padding is what tokenizer_config.json names, else tokenizer.json's own, else
 * `[PAD]` or `<pad>` where there is one.
 *
 * @throws DataError `tokenizer-invalid`, `tokenizer-padding`.
 * @example
 * const tokenizer = createTokenizer({ tokenizer: wordVocabulary(texts, { size: 5000 }) })
 * tokenizer.encode('hello there').ids
 */
export function createTokenizer(files: TokenizerFiles): TextTokenizer {
  const folder = files.folder ?? 'the tokenizer'
  const json = parseConfig(files.tokenizer, tokenizerSchema, `${folder}, tokenizer.json`, 'tokenizer-invalid')
  const config = parseConfig(
    files.tokenizerConfig ?? '{}',
    configSchema,
    `${folder}, tokenizer_config.json`,
    'tokenizer-invalid',
  )
  const model = parseConfig(files.config ?? '{}', modelSchema, `${folder}, config.json`, 'tokenizer-invalid')
  // The library takes the unknown token of word-level models from the configuration only.
  const unknown = config.unk_token ?? json.model.unk_token ?? undefined
  const tokenizer = build(json, { ...config, unk_token: unknown }, folder)
  const idOf = (token: string | null | undefined) => (token ? tokenizer.token_to_id(token) : undefined)
  const pad = idOf(config.pad_token) ?? json.padding?.pad_id ?? idOf('[PAD]') ?? idOf('<pad>')
  if (pad === undefined) {
    throw new DataError(
      'tokenizer-padding',
      `${folder}: the tokenizer says nothing of padding, which batches of texts need. Name one of its tokens in tokenizer_config.json: "pad_token": "...".`,
    )
  }
  const [before, after] = specialTokens(tokenizer, folder)
  const fromLeft = config.truncation_side === 'left'
  const idsOf = (text: string): number[] => {
    const { ids, tokens } = encoded(tokenizer, text, false)
    const known = ids.filter((id) => id !== undefined)
    if (known.length === ids.length) return known
    const lost = ids.indexOf(undefined)
    throw new DataError(
      'token-unknown',
      `${folder}: the vocabulary has neither '${tokens[lost]}' of the text '${text.slice(0, 60)}' nor a token for unknown words (unk_token).`,
    )
  }
  const frame = (content: readonly number[], starts: readonly number[] | undefined, length = endless) => {
    const room = Math.max(0, length - before.length - after.length)
    const cut = <T>(list: readonly T[]) =>
      fromLeft ? list.slice(Math.max(0, list.length - room)) : list.slice(0, room)
    const ids = Int32Array.from([...before, ...cut(content), ...after])
    const lost = Math.max(0, content.length - room)
    if (!starts) return lost > 0 ? { ids, lost } : { ids }
    const none = (list: readonly number[]) => list.map(() => -1)
    const words = Int32Array.from([...none(before), ...cut(starts), ...none(after)])
    return lost > 0 ? { ids, words, lost } : { ids, words }
  }
  const spaced = startsWordsWithSpace(json.pre_tokenizer)
  return {
    pad,
    limit: lengthLimit(config.model_max_length, model, pad),
    size: 1 + [...tokenizer.get_vocab().values()].reduce((largest, id) => Math.max(largest, id), -1),
    encode: (text, length) => frame(idsOf(text), undefined, length),
    encodeWords(words, length) {
      const pieces = words.map((word, index) => idsOf(spaced && index > 0 ? ` ${word}` : word))
      const starts = pieces.flatMap((ids, word) => ids.map((_, piece) => (piece === 0 ? word : -1)))
      return frame(pieces.flat(), starts, length)
    },
  }
}

function build(json: object, config: object, folder: string): Tokenizer {
  try {
    return new Tokenizer(
      {
        added_tokens: [],
        decoder: null,
        normalizer: null,
        post_processor: null,
        pre_tokenizer: null,
        ...json,
      },
      config,
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError('tokenizer-invalid', `${folder}, tokenizer.json: ${reason}.`, { cause: error })
  }
}

/** The library's encoding, whose declared types do not resolve under Node's rules. */
function encoded(
  tokenizer: Tokenizer,
  text: string,
  special: boolean,
): { readonly ids: readonly (number | undefined)[]; readonly tokens: readonly string[] } {
  return tokenizer.encode(text, { add_special_tokens: special })
}

/** What the tokenizer puts before and behind every text: found out on a sample, as templates come in several forms. */
function specialTokens(tokenizer: Tokenizer, folder: string): [number[], number[]] {
  const sample = 'a'
  const whole = encoded(tokenizer, sample, true).ids
  const bare = encoded(tokenizer, sample, false).ids
  for (let start = 0; start + bare.length <= whole.length; start++) {
    if (bare.every((id, at) => whole[start + at] === id)) {
      const known = (ids: readonly (number | undefined)[]) => ids.filter((id) => id !== undefined)
      return [known(whole.slice(0, start)), known(whole.slice(start + bare.length))]
    }
  }
  throw new DataError(
    'tokenizer-invalid',
    `${folder}, tokenizer.json: its post-processor changes more than special tokens at both ends of a text, which is not supported.`,
  )
}

/** Byte-level pieces carry the space before them, unless the tokenizer adds it to every text by itself. */
function startsWordsWithSpace(preTokenizer: z.infer<typeof tokenizerSchema>['pre_tokenizer']): boolean {
  const steps = [preTokenizer, ...((preTokenizer?.pretokenizers as (typeof preTokenizer)[]) ?? [])]
  const byteLevel = steps.find((step) => step?.type === 'ByteLevel')
  return byteLevel !== undefined && byteLevel?.add_prefix_space === false
}

function lengthLimit(
  configured: number | null | undefined,
  model: z.infer<typeof modelSchema>,
  pad: number,
): number | undefined {
  const positions = model.max_position_embeddings ?? model.n_positions ?? undefined
  // RoBERTa and its kin number positions from the padding's id + 1 on.
  const lost = /roberta|camembert|longformer/.test(model.model_type ?? '') ? pad + 1 : 0
  const limits = [
    ...(configured && configured < endless ? [configured] : []),
    ...(positions === undefined ? [] : [positions - lost]),
  ]
  return limits.length > 0 ? Math.min(...limits) : undefined
}

/**
 * A data set of texts as token ids, int64 [N, T], with `preprocessing.pad` set.
 *
 * @param options.maxLength T, special tokens included; default the longest text's, rounded up to a multiple of 8, at most the model's limit.
 * @throws DataError `data-not-text` when the inputs are no texts, `token-unknown`.
 * @example
 * const ids = tokenize(intents, tokenizer, { maxLength: 32 })
 */
export function tokenize(
  dataset: Dataset,
  tokenizer: TextTokenizer,
  { maxLength }: { readonly maxLength?: number | undefined } = {},
): Dataset {
  if (dataset.inputs.type !== 'string' || dataset.inputs.dims.length !== 1) {
    throw new DataError(
      'data-not-text',
      `Data set '${dataset.name}': expected texts, string [N], found ${describe(dataset.inputs)}.`,
    )
  }
  const limit = maxLength ?? tokenizer.limit
  const rows = (dataset.inputs.data as string[]).map((text) => tokenizer.encode(text, limit))
  return createDataset({
    ...dataset,
    inputs: padRows(rows, maxLength ?? rowLength(rows, limit), tokenizer.pad),
    preprocessing: { ...dataset.preprocessing, pad: tokenizer.pad },
  })
}
