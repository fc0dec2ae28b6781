import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { byteTokenizerFiles } from '../../../test/byte-tokenizer.ts'
import { createDataset } from '../dataset.ts'
import { createTokenizer, tokenize } from './tokens.ts'
import { wordVocabulary } from './vocabulary.ts'

/** As BERT's: [CLS] text [SEP], with word pieces. */
const wordPieces = JSON.stringify({
  version: '1.0',
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map((content, id) => ({ id, content, special: true })),
  normalizer: { type: 'BertNormalizer', lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: null,
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    vocab: { '[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, play: 4, '##ing': 5, we: 6, are: 7, '!': 8 },
  },
})

const texts = (...data: string[]) =>
  createDataset({
    name: 'texts',
    inputs: { type: 'string', dims: [data.length], data },
    labels: { type: 'int32', dims: [data.length], data: new Int32Array(data.length) },
    classes: ['a'],
  })

test('texts keep their special tokens when they are cut', () => {
  const tokenizer = createTokenizer({ tokenizer: wordPieces })
  expect(Array.from(tokenizer.encode('We are playing!').ids)).toEqual([2, 6, 7, 4, 5, 8, 3])
  expect(Array.from(tokenizer.encode('We are playing!', 4).ids)).toEqual([2, 6, 7, 3])
  const left = createTokenizer({ tokenizer: wordPieces, tokenizerConfig: '{"truncation_side": "left"}' })
  expect(Array.from(left.encode('We are playing!', 4).ids)).toEqual([2, 5, 8, 3])
  expect(tokenizer).toMatchObject({ pad: 0, limit: undefined, size: 9 })
})

test('words know the piece they begin with', () => {
  const { ids, words } = createTokenizer({ tokenizer: wordPieces }).encodeWords(['We', 'playing', '?'])
  expect(Array.from(ids)).toEqual([2, 6, 4, 5, 1, 3])
  expect(Array.from(words ?? [])).toEqual([-1, 0, 1, -1, 2, -1])
})

test('a data set of texts becomes one tensor of ids that names its padding', () => {
  const tokenizer = createTokenizer({ tokenizer: wordPieces })
  const ids = tokenize(texts('we', 'we are playing'), tokenizer)
  expect(ids.inputs.type).toBe('int64')
  expect(ids.inputs.dims).toEqual([2, 8])
  expect(Array.from(ids.inputs.data as BigInt64Array, Number)).toEqual([
    ...[2, 6, 3, 0, 0, 0, 0, 0],
    ...[2, 6, 7, 4, 5, 3, 0, 0],
  ])
  expect(ids.preprocessing.pad).toBe(0)
  expect(tokenize(texts('we are'), tokenizer, { maxLength: 3 }).inputs.dims).toEqual([1, 3])
  expect(() => tokenize(ids, tokenizer)).toThrow("'texts': expected texts, string [N], found int64 [2, 8]")
})

test('the longest input is the smallest limit that the files name', () => {
  const limit = (config: object, tokenizerConfig: object = {}) =>
    createTokenizer({
      tokenizer: wordPieces,
      config: JSON.stringify(config),
      tokenizerConfig: JSON.stringify(tokenizerConfig),
    }).limit
  expect(limit({ max_position_embeddings: 512 })).toBe(512)
  expect(limit({ max_position_embeddings: 512 }, { model_max_length: 128 })).toBe(128)
  expect(limit({ n_positions: 1024 }, { model_max_length: 1e30 })).toBe(1024)
  // RoBERTa's positions begin behind that of the padding.
  expect(limit({ model_type: 'roberta', max_position_embeddings: 514 }, { pad_token: '[UNK]' })).toBe(512)
})

test('files that make no tokenizer are refused by name and field', () => {
  const refused = (tokenizer: string, tokenizerConfig?: string) => () =>
    createTokenizer({ tokenizer, tokenizerConfig, folder: 'bert' })
  expect(refused('{')).toThrow('bert, tokenizer.json: this is not JSON')
  expect(refused('{}')).toThrow('bert, tokenizer.json: model is missing; expected settings')
  expect(refused(wordPieces, '{"pad_token": 3}')).toThrow(
    'bert, tokenizer_config.json: pad_token: expected text, or settings (content)',
  )
  const unpadded = JSON.stringify({ ...JSON.parse(wordPieces), added_tokens: [] }).replaceAll(
    '[PAD]',
    '[NONE]',
  )
  expect(() => createTokenizer({ tokenizer: unpadded }).pad).toThrow('the tokenizer says nothing of padding')
  const unknown = createTokenizer({
    tokenizer: wordVocabulary(['a b']).replace('"unk_token": "[UNK]"', '"unk_token": null'),
    folder: 'words',
  })
  expect(() => unknown.encode('a c')).toThrow("words: the vocabulary has neither 'c' of the text 'a c'")
})

test('a vocabulary of words: the most frequent first, padding and unknown before them', () => {
  const json = wordVocabulary(['The cat.', 'the DOG, the end', '__proto__ 12'], { size: 6 })
  expect(JSON.parse(json).model.vocab).toEqual({ '[PAD]': 0, '[UNK]': 1, _: 2, the: 3, ',': 4, '.': 5 })
  const tokenizer = createTokenizer({ tokenizer: json })
  expect(tokenizer).toMatchObject({ pad: 0, size: 6 })
  expect(Array.from(tokenizer.encode('The, zebra [PAD]').ids)).toEqual([3, 4, 1, 0])
  expect(JSON.parse(wordVocabulary(['a a b'], { minimumCount: 2 })).model.vocab).toEqual({
    '[PAD]': 0,
    '[UNK]': 1,
    a: 2,
  })
  expect(() => wordVocabulary([], { size: 2 })).toThrow('from 3 on')
})

const real = process.env.HOLDFAST_DATA
const clinc = join(real ?? '', 'clinc150', 'train.jsonl')
test.runIf(real && existsSync(clinc))('the requests of CLINC150 need few unknown words', async () => {
  const lines = (await readFile(clinc, 'utf8')).trim().split('\n')
  const requests = lines.map((line) => (JSON.parse(line) as { text: string }).text)
  const tokenizer = createTokenizer({ tokenizer: wordVocabulary(requests, { size: 4000 }) })
  const rows = requests.map((text) => tokenizer.encode(text).ids)
  const ids = rows.reduce((sum, row) => sum + row.length, 0)
  const lost = rows.reduce((sum, row) => sum + row.filter((id) => id === 1).length, 0)
  expect(tokenizer.size).toBe(4000)
  expect(lost / ids).toBeLessThan(0.02)
})

test('a tokenizer without padding is one until rows are to be masked', () => {
  const bare = createTokenizer(byteTokenizerFiles({ config: { pad_token: null } }))
  expect(bare).toMatchObject({ eos: 0, filler: 0, frame: { before: [], after: [] } })
  expect(() => bare.pad).toThrow(/says nothing of padding/)
})

test('a chat template is that of chat_template.jinja, else of tokenizer_config.json, of several the default', () => {
  const written = (config: object, chatTemplate?: string) =>
    createTokenizer({ ...byteTokenizerFiles({ config }), chatTemplate }).chat?.render([
      { role: 'user', content: 'Hi' },
    ])
  const several = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: '{{ messages[0].content + eos_token }}' },
  ]
  expect(written({ chat_template: 'one' })).toBe('one')
  expect(written({ chat_template: several })).toBe('Hi<|end|>')
  expect(written({ chat_template: several }, 'file')).toBe('file')
  expect(written({})).toBe(undefined)
})

test('bytes of tokens are those of the text that they stand for', () => {
  const tokenizer = createTokenizer(byteTokenizerFiles({ merges: ['a b'] }))
  const ids = tokenizer.ids('abé<|im_end|>')
  expect(ids.map((id) => tokenizer.bytesOf(id))).toEqual([2, 1, 1, 0])
  expect(tokenizer.decode(ids)).toBe('abé<|im_end|>')
})
