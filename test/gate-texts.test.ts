import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

let cli: Cli
let folder: string
const run = (words: string) => cli.run(['gate', ...words.split(' ')], { cwd: folder })
const json = async (words: string) => JSON.parse((await run(`${words} --json`)).stdout)

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-gate-texts-'))
  const model = (name: string, bytes: Uint8Array, merges?: readonly string[]) => {
    const { tokenizer, tokenizerConfig } = byteTokenizerFiles({
      ...(merges && { merges }),
      config: { model_max_length: 24 },
    })
    mkdirSync(join(folder, name, 'onnx'), { recursive: true })
    writeFileSync(join(folder, name, 'onnx', 'model.onnx'), bytes)
    writeFileSync(join(folder, name, 'tokenizer.json'), tokenizer)
    writeFileSync(join(folder, name, 'tokenizer_config.json'), tokenizerConfig)
  }
  model('old', tinyDecoder({ vocabulary: 260 }))
  model('same', tinyDecoder({ vocabulary: 260, cache: 'merged' }))
  model('other', tinyDecoder({ vocabulary: 260, seed: 1 }))
  model('merged', tinyDecoder({ vocabulary: 262 }), ['w o', 'wo rd'])
  model('unused', tinyDecoder({ vocabulary: 261 }), ['q z'])
  model('encoder', tinyDecoder({ vocabulary: 260, causal: false }))
  const words = (at: number) =>
    Array.from({ length: 4 + ((at * 5) % 9) }, (_, n) => `word${(at * n) % 7}`).join(' ')
  const rows = Array.from({ length: 12 }, (_, at) => `${JSON.stringify({ text: words(at) })}\n`)
  mkdirSync(join(folder, 'texts'))
  writeFileSync(join(folder, 'texts', 'test.jsonl'), rows.join(''))
  writeFileSync(join(folder, 'one.txt'), words(3))
  writeFileSync(join(folder, 'empty.jsonl'), '{"text": ""}\n')
  writeFileSync(join(folder, 'predictions.jsonl'), '{"id": 1, "label": "a", "pred": "a"}\n')
})
afterAll(() => cli.remove())

describe('language models', () => {
  test('in two forms are held against each other on documents, from folders as transformers.js has them', async () => {
    const { code, stdout, stderr } = await run('old same --data texts --max-drop 1%')
    expect([code, stdout.split('.')[0], stderr]).toEqual([0, 'PASS', expect.not.stringContaining('error')])
    expect(stderr).toContain('12 documents: all used')
    expect(stdout).toContain('old against same')
  })

  test('count a text that stands twice once, and files of losses know it', async () => {
    const rows = readFileSync(join(folder, 'texts', 'test.jsonl'), 'utf8')
      .trim()
      .split('\n')
    writeFileSync(join(folder, 'copies.jsonl'), [...rows, ...rows.slice(0, 5)].join('\n'))
    const plain = await json('old other --data texts --max-bits 0.01')
    const asked = '--data copies.jsonl --max-bits 0.01'
    const found = await json(`old other ${asked} --save-predictions saved.jsonl`)
    for (const key of ['documents', 'tokens', 'bytes']) expect(found[key]).toEqual(plain[key])
    expect(found.upper).toBeCloseTo(plain.upper, 6)
    expect(found.warnings).toEqual([expect.stringMatching(/^5 of 17 documents are copies of others/)])
    // What one side knows of copies is enough.
    writeFileSync(join(folder, 'copies-old.jsonl'), readFileSync(join(folder, 'saved.jsonl')))
    const again = await json('copies-old.jsonl saved.jsonl --max-bits 0.01')
    expect(again.documents).toBe(12)
  })

  test('the losses of a model stand in its place, wherever the data are named from', async () => {
    const first = await json('old other --data texts --max-bits 0.01 --save-predictions other.jsonl')
    expect(first).toMatchObject({
      schema: 'holdfast.gate-texts/1',
      unit: 'bits',
      documents: 12,
      budget: 0.01,
    })
    expect(
      Object.keys(JSON.parse(readFileSync(join(folder, 'other.jsonl'), 'utf8').split('\n')[0] ?? '')),
    ).toEqual(['id', 'bytes', 'tokens', 'bits'])
    const again = await json(`old other.jsonl --data ${join(folder, 'texts', 'test.jsonl')} --max-bits 0.01`)
    for (const key of ['change', 'lower', 'upper', 'verdict', 'bitsPerByte'])
      expect(again[key]).toEqual(first[key])
    const back = await json('other.jsonl old --data texts --max-bits 0.01 --flips worst.jsonl')
    expect(back.change).toBeCloseTo(-first.change, 12)
    const lines = readFileSync(join(folder, 'worst.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toHaveLength(12)
    expect(lines[0].addedBits).toBeGreaterThan(lines[11].addedBits)
    expect([first.verdict, back.verdict].sort()).toEqual(['fail', 'pass'])
  })

  test('with other tokenizers compare in bits per byte, and a note says so; perplexities are refused', async () => {
    const { stderr, code } = await run('old merged --data texts --max-drop 90%')
    expect(stderr).toContain('bits per byte compare')
    expect(code).not.toBe(1)
    const refused = await run('old merged --data texts --max-perplexity-ratio 2')
    expect(refused.stderr).toContain('error (text-tokens): ')
    expect(refused.stderr).toContain('Hold bits per byte to a budget')
  })

  test('with other tokenizers that give as many tokens are not taken for ones with the same', async () => {
    const { stderr } = await run('old unused --data texts --max-drop 90%')
    expect(stderr).toContain('bits per byte compare')
    const refused = await run('old unused --data texts --max-perplexity-ratio 2')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('error (text-tokens): old and unused have different tokenizers')
    const told = await run('old unused --data texts --tokenizer old --max-perplexity-ratio 2')
    expect([told.code, told.stderr]).toEqual([expect.any(Number), expect.not.stringContaining('compare')])
    // A file that says how long texts may be is no other tokenizer.
    const cut = JSON.parse(readFileSync(join(folder, 'old', 'tokenizer.json'), 'utf8'))
    writeFileSync(
      join(folder, 'same', 'tokenizer.json'),
      JSON.stringify({ ...cut, truncation: null, padding: null }),
    )
    expect((await run('old same --data texts --max-perplexity-ratio 2')).code).toBe(0)
  })

  test('a single document tells nothing, and neither does nothing', async () => {
    const { code, stdout } = await run('old other --data one.txt')
    expect(code).toBe(3)
    expect(stdout).toMatch(/^INCONCLUSIVE\. .*1 document gives no bound/)
  })
})

describe('wrong input', () => {
  test.each([
    ['old encoder --data texts', 'model-looks-ahead', 'encoder: what the model says of a token changes'],
    ['old other --data empty.jsonl', 'documents-empty', 'no document to learn from'],
    ['old predictions.jsonl --data texts', 'gate-kinds', 'Give both sides of one kind'],
    ['old other', 'gate-data', '--data'],
    ['old other --data texts --max-drop 1% --max-bits 0.1', 'flag-value', 'give one'],
    ['old other --data texts --never-flip one.txt', 'gate-flag', '--never-flip is for classifiers'],
    ['predictions.jsonl predictions.jsonl --max-bits 1', 'gate-flag', '--max-bits is for language models'],
    ['old other --data texts --confidence 0.9999', 'confidence-range', '0.999 at most'],
  ])('holdfast gate %s', async (words, code, message) => {
    const ended = await run(words)
    expect(ended.stderr).toContain(`error (${code}): `)
    expect(ended.stderr).toContain(message)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
  })
})
