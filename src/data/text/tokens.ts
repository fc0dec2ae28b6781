import { Tokenizer } from '@huggingface/tokenizers'
import { DataError } from '../../errors.ts'
import { createDataset, type Dataset } from '../dataset.ts'
import { describe } from '../rows.ts'
import { type ChatTemplate, chatTemplate } from './chat-template.ts'
import { encoded } from './encoded.ts'
import { type Frame, frameOf } from './special-tokens.ts'
import { padRows, rowLength, type TokenRow } from './token-rows.ts'
import {
  endless,
  lengthLimit,
  type TokenizerFiles,
  type TokenizerJson,
  tokenizerSettings,
} from './tokenizer-settings.ts'

/** Texts to token ids, as the model was trained to read them. */
export interface TextTokenizer {
  /**
   * The id that fills up short rows, and is masked.
   *
   * @throws DataError `tokenizer-padding` when it is asked for and the tokenizer names none.
   */
  readonly pad: number
  /** The id that fills up rows whose labels say what counts: the padding, else the end of a text, else 0. */
  readonly filler: number
  /** The id that ends a text, where tokenizer_config.json names one. */
  readonly eos: number | undefined
  /** The special tokens around every text. */
  readonly frame: Frame
  /** The most tokens that the model reads, special tokens included; undefined where nothing says. */
  readonly limit: number | undefined
  /** How many ids there are: the rows that an embedding needs. */
  readonly size: number
  /**
   * How conversations are written as one text; undefined where no file says.
   *
   * @throws DataError `chat-template-invalid` when it is asked for.
   */
  readonly chat: ChatTemplate | undefined
  /** The ids of a text, without special tokens around it. */
  readonly ids: (text: string) => readonly number[]
  /** The UTF-8 bytes of text that a token stands for; 0 for special ones. */
  readonly bytesOf: (id: number) => number
  /** The text of some ids, special tokens included. */
  readonly decode: (ids: Iterable<number>) => string
  /** The ids of a text, at most `length` of them: what is too long loses its end, and keeps its special tokens. */
  readonly encode: (text: string, length?: number) => TokenRow
  /** The same of a text that is divided into words. */
  readonly encodeWords: (words: readonly string[], length?: number) => TokenRow
}

/**
 * A tokenizer from Hugging Face's files. The padding is what tokenizer_config.json names, else tokenizer.json's own, else
 * `[PAD]` or `<pad>` where there is one.
 *
 * @throws DataError `tokenizer-invalid`.
 * @example
 * const tokenizer = createTokenizer({ tokenizer: wordVocabulary(texts, { size: 5000 }) })
 * tokenizer.encode('hello there').ids
 */
export function createTokenizer(files: TokenizerFiles): TextTokenizer {
  const settings = tokenizerSettings(files)
  const { json, config, folder } = settings
  // The library takes the unknown token of word-level models from the configuration only.
  const unknown = config.unk_token ?? json.model.unk_token ?? undefined
  const tokenizer = build(json, { ...config, unk_token: unknown }, folder)
  const idOf = (token: string | null | undefined) => (token ? tokenizer.token_to_id(token) : undefined)
  const pad = idOf(config.pad_token) ?? json.padding?.pad_id ?? idOf('[PAD]') ?? idOf('<pad>')
  const eos = idOf(config.eos_token)
  const { before, after } = frameOf(tokenizer, settings, idOf)
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
  let chat: ChatTemplate | undefined
  return {
    get pad() {
      if (pad !== undefined) return pad
      throw new DataError(
        'tokenizer-padding',
        `${folder}: the tokenizer says nothing of padding, which batches of texts need. Name one of its tokens in tokenizer_config.json: "pad_token": "...".`,
      )
    },
    filler: pad ?? eos ?? 0,
    eos,
    frame: { before, after },
    limit: lengthLimit(settings, pad),
    size: 1 + [...tokenizer.get_vocab().values()].reduce((largest, id) => Math.max(largest, id), -1),
    get chat() {
      if (settings.chat)
        chat ??= chatTemplate(settings.chat.source, specialNames(config), settings.chat.place)
      return chat
    },
    ids: idsOf,
    bytesOf: byteCounter(tokenizer, json),
    decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: false }),
    encode: (text, length) => frame(idsOf(text), undefined, length),
    encodeWords(words, length) {
      const pieces = words.map((word, index) => idsOf(spaced && index > 0 ? ` ${word}` : word))
      const starts = pieces.flatMap((ids, word) => ids.map((_, piece) => (piece === 0 ? word : -1)))
      return frame(pieces.flat(), starts, length)
    },
  }
}

/** bos_token, eos_token and the like, as chat templates know them. */
const specialNames = (config: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(config).filter(
      (entry): entry is [string, string] => /_token$/.test(entry[0]) && typeof entry[1] === 'string',
    ),
  )

/** How many bytes of text a token stands for; none for special ones. */
function byteCounter(tokenizer: Tokenizer, { decoder }: TokenizerJson): (id: number) => number {
  const added = tokenizer.get_added_tokens_decoder()
  // Of byte-level vocabularies each character is one byte.
  const byteLevel = JSON.stringify(decoder ?? {}).includes('"ByteLevel"')
  const utf8 = new TextEncoder()
  return (id) => {
    const special = added.get(id)
    if (special) return special.special ? 0 : utf8.encode(special.content).length
    if (byteLevel) return [...(tokenizer.id_to_token(id) ?? '')].length
    return utf8.encode(tokenizer.decode([id], { skip_special_tokens: false })).length
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

/** Byte-level pieces carry the space before them, unless the tokenizer adds it to every text by itself. */
function startsWordsWithSpace(preTokenizer: TokenizerJson['pre_tokenizer']): boolean {
  const steps = [preTokenizer, ...((preTokenizer?.pretokenizers as (typeof preTokenizer)[]) ?? [])]
  const byteLevel = steps.find((step) => step?.type === 'ByteLevel')
  return byteLevel !== undefined && byteLevel?.add_prefix_space === false
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
