import { createTokenizer, type TextTokenizer } from '../src/data/text/index.ts'

/** As GPT-2 writes bytes: printable ones as they are, the others from U+0100 on. */
function byteLetters(): string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255)
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++))
}

const special = ['<|end|>', '<|pad|>', '<|im_start|>', '<|im_end|>']

/** The id of the first byte: special tokens come before. */
export const firstByte = special.length

/** Conversations as most models write them. */
export const chatMl =
  "{% for m in messages %}{{'<|im_start|>'+m['role']+'\n'+m['content']+'<|im_end|>\n'}}{% endfor %}{% if add_generation_prompt %}{{'<|im_start|>assistant\n'}}{% endif %}"

export interface ByteTokenizerOptions {
  /** Pairs of letters that are one token: ['a b', 'ab c']. */
  readonly merges?: readonly string[]
  /** Of tokenizer_config.json. */
  readonly config?: object
  /** Of tokenizer.json. */
  readonly json?: object
}

/** The files of a tokenizer with a token for each byte, and for each merge. */
export function byteTokenizerFiles({ merges = [], config = {}, json = {} }: ByteTokenizerOptions = {}) {
  const tokens = [...special, ...byteLetters(), ...merges.map((pair) => pair.replace(' ', ''))]
  return {
    tokenizer: JSON.stringify({
      version: '1.0',
      added_tokens: special.map((content, id) => ({ id, content, special: true, normalized: false })),
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
      decoder: { type: 'ByteLevel' },
      model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges },
      ...json,
    }),
    tokenizerConfig: JSON.stringify({ eos_token: '<|end|>', pad_token: '<|pad|>', ...config }),
  }
}

export const byteTokenizer = (options?: ByteTokenizerOptions): TextTokenizer =>
  createTokenizer(byteTokenizerFiles(options))
