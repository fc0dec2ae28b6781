import type { MarkedText, TextTokenizer } from '../text/index.ts'

const utf8 = new TextEncoder()
const bytesIn = (text: string): number => utf8.encode(text).length

type Reads = Pick<TextTokenizer, 'ids' | 'bytesOf' | 'decode'>

/** The tokens of a text that is tokenized whole, with what stands before them. */
export interface CountedText {
  readonly parts: readonly MarkedText[]
  readonly ids: readonly number[]
  /** 1 where a token counts. */
  readonly own: Uint8Array
  /** Whether tokens stand before the text, so that its first one is predicted, too. */
  readonly framed: boolean
}

/**
 * UTF-8 bytes of the text that counts, less the names of special tokens in it, and less what its first token covers where nothing is
 * before that one. The text itself says so, not what its tokens decode to: a tokenizer may write several words as one unknown token.
 */
export function countedBytes({ parts, ids, own, framed }: CountedText, tokenizer: Reads): number {
  const written = parts.map((part) => (part.own ? part.text : '')).join('')
  const named = namedBytes(
    written,
    ids.filter((_, at) => own[at] === 1),
    tokenizer,
  )
  const [first] = ids
  const lost = framed || own[0] !== 1 || first === undefined ? 0 : coveredByFirst(parts, first, tokenizer)
  return bytesIn(written) - named - lost
}

/** Of the text that counts, the bytes of the first token, none of a special one's name. It may begin in what does not count. */
function coveredByFirst(parts: readonly MarkedText[], first: number, tokenizer: Reads): number {
  const text = parts.map((part) => part.text).join('')
  const before = parts.slice(
    0,
    parts.findIndex((part) => part.own),
  )
  const given = before.reduce((sum, part) => sum + bytesIn(part.text), 0)
  return Math.max(0, tokenBytes(text, first, tokenizer) - given)
}

/** A first token that covers more characters, as of a text that is one unknown word, is taken to cover these. */
const MOST_CHARACTERS = 200

/** How many bytes of a text its first token covers. */
function tokenBytes(text: string, first: number, tokenizer: Reads): number {
  const shown = tokenizer.decode([first])
  if (shown !== '' && text.startsWith(shown)) return tokenizer.bytesOf(first) === 0 ? 0 : bytesIn(shown)
  let prefix = ''
  let longest = ''
  for (const character of text.slice(0, MOST_CHARACTERS)) {
    prefix += character
    const ids = tokenizer.ids(prefix)
    if (ids[0] !== first) continue
    if (ids.length > 1) break
    longest = prefix
  }
  // No text gives a token that is less than a character, or a space that the tokenizer sets before each text.
  if (longest === '') return Math.min(tokenizer.bytesOf(first), bytesIn([...prefix][0] ?? '') - 1)
  const trimmed = longest.trimEnd()
  return bytesIn(tokenizer.ids(trimmed)[0] === first ? trimmed : longest)
}

/** Bytes of special tokens' names that stand in the text; an unknown word's token does not. */
function namedBytes(text: string, ids: readonly number[], tokenizer: Reads): number {
  const times = new Map<number, number>()
  for (const id of ids) if (tokenizer.bytesOf(id) === 0) times.set(id, (times.get(id) ?? 0) + 1)
  let sum = 0
  for (const [id, tokens] of times) {
    const name = tokenizer.decode([id])
    const found = name === '' ? 0 : text.split(name).length - 1
    sum += Math.min(tokens, found) * bytesIn(name)
  }
  return sum
}
