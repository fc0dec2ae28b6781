import { Tokenizer } from '@huggingface/tokenizers'
import { UsageError } from '../../errors.ts'
import { byCodePoint } from '../names/index.ts'

const pad = '[PAD]'
const unknown = '[UNK]'

/**
 * A word-level vocabulary of a corpus, for models trained from scratch: the text of a Hugging Face `tokenizer.json`, to be written beside
 * the model. Texts are put into lower case and divided at white space and around each punctuation mark; the most
 * frequent words get an id each (ties by code point), in order of frequency; `[PAD]` is 0 and `[UNK]`, 1, is every other word.
 *
 * @param options.size How many ids at most, with the two special ones; default 10,000.
 * @param options.minimumCount Words seen less often than this are left out; default 1.
 * @throws UsageError `vocabulary-size`.
 * @example
 * await writeFile('model/tokenizer.json', wordVocabulary(texts, { size: 5000 }))
 */
export function wordVocabulary(
  texts: Iterable<string>,
  {
    size = 10_000,
    minimumCount = 1,
  }: { readonly size?: number | undefined; readonly minimumCount?: number | undefined } = {},
): string {
  if (!Number.isInteger(size) || size < 3) {
    throw new UsageError(
      'vocabulary-size',
      `A vocabulary's size is a whole number from 3 on (two ids are special), but it is ${size}.`,
    )
  }
  const splitter = new Tokenizer(tokenizerJson(new Map()), { unk_token: unknown })
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const word of splitter.tokenize(text)) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  counts.delete(pad)
  counts.delete(unknown)
  const words = [...counts]
    .filter(([, count]) => count >= minimumCount)
    .sort(([a, countA], [b, countB]) => countB - countA || byCodePoint(a, b))
    .slice(0, size - 2)
  const vocabulary = new Map([pad, unknown, ...words.map(([word]) => word)].map((word, id) => [word, id]))
  return `${JSON.stringify(tokenizerJson(vocabulary), undefined, 1)}\n`
}

function tokenizerJson(vocabulary: ReadonlyMap<string, number>): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [pad, unknown].map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordLevel', vocab: Object.fromEntries(vocabulary), unk_token: unknown },
  }
}
