import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

let cli: Cli
let folder: string
const run = (words: string) => cli.run(words.split(' '), { cwd: folder })
const json = async (words: string) => JSON.parse((await run(`${words} --json`)).stdout)

/** A model in a folder as transformers.js lays it out. */
function model(name: string, bytes: Uint8Array, merges?: readonly string[]): void {
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles({
    ...(merges && { merges }),
    config: { model_max_length: 24 },
  })
  mkdirSync(join(folder, name, 'onnx'), { recursive: true })
  writeFileSync(join(folder, name, 'onnx', 'model.onnx'), bytes)
  writeFileSync(join(folder, name, 'tokenizer.json'), tokenizer)
  writeFileSync(join(folder, name, 'tokenizer_config.json'), tokenizerConfig)
}

/** A text of a few words that no other number has. */
const words = (at: number) =>
  Array.from({ length: 3 + (at % 5) }, (_, n) => `w${at}${(at * n) % 7}`).join(' ')
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `${JSON.stringify({ text: words(from + at) })}\n`).join('')

function texts(name: string, from: number, parts: Readonly<Record<string, number>>): void {
  mkdirSync(join(folder, name))
  let at = from
  for (const [part, count] of Object.entries(parts)) {
    writeFileSync(join(folder, name, `${part}.jsonl`), lines(at, at + count))
    at += count
  }
}

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-keep-texts-'))
  model('gpt', tinyDecoder({ vocabulary: 260 }))
  model('better', tinyDecoder({ vocabulary: 260, seed: 1, cache: 'past' }))
  model('merged', tinyDecoder({ vocabulary: 261 }), ['w 1'])
  model('encoder', tinyDecoder({ vocabulary: 260, causal: false }))
  writeFileSync(join(folder, 'bare.onnx'), tinyDecoder({ vocabulary: 260 }))
  texts('old', 10, { train: 20, test: 8 })
  texts('more', 40, { train: 10, validation: 6 })
  texts('new', 60, { train: 16, test: 6 })
  texts('whole', 80, { train: 10 })
  writeFileSync(join(folder, 'one.txt'), words(3))
  writeFileSync(join(folder, 'empty.jsonl'), '{"text": ""}\n')
  const engine = ortNode()
  mkdirSync(join(folder, 'points'))
  for (const [part, seed] of [
    ['train', 1],
    ['test', 2],
  ] as const)
    writeFileSync(
      join(folder, 'points', `${part}.csv`),
      blobCsv(blobs({ classes: blobNames.slice(0, 3), perClass: 20, seed })),
    )
  writeFileSync(join(folder, 'model.onnx'), modelToOnnx(await blobModel(engine, blobNames.slice(0, 3))))
  await run('keep model.onnx --data points --budget 12 -o points.keep')
  await run('keep gpt --data old -o gpt.keep')
})
afterAll(async () => {
  cli.remove()
  await rm(folder, { recursive: true })
})

describe('holdfast keep of a language model', () => {
  test('makes a pack of texts, shows it, merges it with another and extends it after an update', async () => {
    const made = await json('keep gpt --data old --budget 12 --top-tokens 4 -o a.keep')
    expect(made).toMatchObject({
      schema: 'holdfast.keep-texts/1',
      file: 'a.keep',
      model: { name: 'gpt/onnx/model.onnx' },
      ...{ vocabulary: 260, rowLength: 24, overlap: 0 },
      exemplars: { documents: 12 },
      answers: { topTokens: 4 },
      heldOut: { documents: 8, uses: [{ releases: 0, documents: 8 }], first: null },
      data: [{ name: 'old', documents: 20 }],
    })
    const shown = await json('keep --show a.keep')
    expect(shown.bytes).toBe(made.bytes)
    expect(shown.heldOut).toEqual(made.heldOut)
    const measured = await json('evaluate gpt --data old')
    expect(made.heldOut.bitsPerByte).toBeCloseTo(measured.models[0].texts.bitsPerByte, 10)
    const { stdout } = await run('keep --show a.keep')
    expect(
      stdout.replace(/SHA-256 .*?…/g, 'SHA-256 …').replace(/(created|size) .*/g, '$1 …'),
    ).toMatchInlineSnapshot(`
      "model      gpt/onnx/model.onnx, SHA-256 …, a language model of 260 tokens
      texts      old (20 documents, 480 tokens)
      exemplars  12 documents, 263 tokens, 251 bytes of text, by random
      answers    the 4 likeliest tokens at each place, 56.7 % of all probability
      held out   8 documents, 177 tokens, 169 bytes of text, 14.8006 bits per byte
      rows       24 tokens
      tokenizer  SHA-256 …
      created …
      size …
      "
    `)

    await run('keep gpt --data more --top-tokens 2 -o b.keep')
    const both = await json('keep --merge a.keep b.keep -o both.keep')
    expect(both).toMatchObject({
      ...{ exemplars: { documents: 22 }, answers: { topTokens: 2 }, heldOut: { documents: 14 } },
      data: [{ name: 'old' }, { name: 'more' }],
    })

    const next = await json('keep --extend a.keep --model better --data new -o next.keep')
    expect(next).toMatchObject({
      exemplars: { documents: 12 },
      answers: { topTokens: 4 },
      heldOut: {
        documents: 14,
        uses: [
          { releases: 0, documents: 6 },
          { releases: 1, documents: 8 },
        ],
        first: { documents: 8 },
      },
      history: [{ documents: 8 }, { documents: 14 }],
    })
    expect(next.heldOut.first.bitsPerByte).toBeCloseTo(made.heldOut.bitsPerByte, 10)
    expect(next.heldOut.first.now).not.toBeCloseTo(made.heldOut.bitsPerByte, 6)
    expect((await run('keep --show next.keep')).stdout).toContain(
      'Releases, each on what was held out then\n  1  gpt/onnx/model.onnx',
    )
  })

  test('holds out a share of texts that are not divided, and says so where nothing is held out', async () => {
    expect(await json('keep gpt --data whole -o whole.keep')).toMatchObject({
      ...{ exemplars: { documents: 8 }, heldOut: { documents: 2 } },
      notes: [expect.stringContaining('train part'), expect.stringContaining('a bound needs 5 at least')],
    })
    const none = await json('keep gpt --data whole --held-out 0 -o none.keep')
    expect(none).toMatchObject({ exemplars: { documents: 10 }, heldOut: null })
    expect((await json('keep gpt --data one.txt --held-out 0 -o one.keep')).exemplars.documents).toBe(1)
  })

  test.each([
    ['keep bare.onnx --data old', 'tokenizer-missing', 'Put tokenizer.json'],
    ['keep gpt --data empty.jsonl', 'documents-empty', 'no document to learn from'],
    ['keep gpt --data one.txt', 'data-too-few', '--held-out 0'],
    ['keep encoder --data old', 'model-looks-ahead', 'it is an encoder'],
    ['keep gpt --data points', 'keep-labelled', 'rows have a label'],
    ['keep gpt --data old --private', 'keep-flag', '--private is for classifiers'],
    ['keep model.onnx --data points --top-tokens 3', 'keep-flag', '--top-tokens is for language models'],
    [
      'keep --extend gpt.keep --model merged --data new',
      'pack-mismatch',
      'The tokenizer of merged is not that of',
    ],
    ['keep --extend gpt.keep --model gpt --data new --max-length 16', 'pack-mismatch', '(--max-length)'],
    ['keep --extend gpt.keep --model gpt --data new --overlap 3', 'pack-mismatch', '(--overlap)'],
    ['keep --extend points.keep --model gpt --data new', 'pack-kind', 'points.keep: the pack holds rows of'],
    [
      'keep --extend gpt.keep --model model.onnx --data points',
      'pack-kind',
      'gpt.keep: the pack holds texts',
    ],
    ['keep --merge gpt.keep points.keep', 'pack-kind', 'points.keep'],
    ['update model.onnx --keep gpt.keep --new points', 'pack-kind', 'gpt.keep: the pack holds texts'],
  ])('%s is an error with a way out, and writes nothing', async (line, code, message) => {
    const { code: exit, stderr } = await run(`${line} -o x.keep`.replace(/(update.*)x\.keep/, '$1x.onnx'))
    expect(stderr).toContain(`error (${code})`)
    expect(stderr).toContain(message)
    expect(exit).toBe(1)
    expect(readdirSync(folder).filter((name) => name.startsWith('x.'))).toEqual([])
  })

  test('a pack of texts says nothing of the traffic of classes', async () => {
    const { stderr } = await run('gate model.onnx model.onnx --data points --traffic gpt.keep')
    expect(stderr).toContain('error (pack-kind): gpt.keep: the pack holds texts')
  })
})
