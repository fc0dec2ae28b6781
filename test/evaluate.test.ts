import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeGraph } from '../src/onnx/encode.ts'
import { plainNode } from '../src/onnx/graph.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { bigramModel, bigramVocabulary } from './bigram-model.ts'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

let cli: Cli
let folder: string

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-evaluate-'))
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles()
  const model = (name: string, bytes: Uint8Array, files: Readonly<Record<string, string>>) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'model.onnx'), bytes)
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text)
  }
  const texts = { 'tokenizer.json': tokenizer, 'tokenizer_config.json': tokenizerConfig }
  model('even', bigramModel(), texts)
  model('knows', bigramModel({ ab: 5, ba: 5, '= ': 9, ' 4': 9 }), texts)
  model('short', tinyDecoder({ vocabulary: bigramVocabulary }), texts)
  model('encoder', tinyDecoder({ vocabulary: bigramVocabulary, causal: false }), texts)
  model('bare', bigramModel(), {})
  model('first', lines([1, 0, 0, 1]), { 'labels.txt': 'low\nhigh\n' })
  model('second', lines([0, 1, 1, 0]), { 'labels.txt': 'low\nhigh\n' })
  model('sum', lines([1, 1]), {})
  const rows = ['2,1,low', '3,1,low', '1,4,low', '0,5,high']
  write('rows.csv', ['a,b,label', ...rows].join('\n'))
  write('others.csv', ['a,b,label', ...rows, '1,0,middle'].join('\n'))
  write('strangers.csv', 'a,b,label\n1,2,x\n2,1,y\n')
  write('targets.csv', 'a,b,target\n1,2,3\n2,2,4.5\n0,1,0.5\n')
  write('texts.jsonl', jsonl({ text: 'abababab' }, { text: 'xyz' }))
  write('labelled.jsonl', jsonl({ text: 'ababa', label: 'x' }))
  const question = { question: '2 + 2 =', choices: ['4', '5'], answer: 0 }
  write('probes.jsonl', jsonl(question, { ...question, answer: '5' }, { prompt: '2 + 2 =', answer: '4' }))
  write('long.jsonl', jsonl({ ...question, question: 'q'.repeat(40) }))
  write('unanswered.jsonl', jsonl(question, { ...question, answer: undefined }))
  write('stranger.jsonl', jsonl({ ...question, answer: '6' }))
})
afterAll(() => cli.remove())

const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
const jsonl = (...rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n')

/** A linear layer from two numbers, without a bias. */
const lines = (weights: readonly number[]) =>
  encodeGraph({
    name: 'lines',
    inputs: [{ name: 'x', type: 'float32', dims: ['batch', 2] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['batch', weights.length / 2] }],
    initializers: new Map([['w', float32([2, weights.length / 2], Float32Array.from(weights))]]),
    nodes: [plainNode('MatMul', ['x', 'w'], 'y')],
  })

const run = (...words: string[]) => cli.run(['evaluate', ...words, '--threads', '1'], { cwd: folder })
async function json(...words: string[]) {
  const { stdout, stderr, code } = await run(...words, '--json')
  expect(stderr, stderr).not.toContain('error')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

describe('language models', () => {
  test('have a loss, a perplexity and bits for a byte of the same documents, side by side', async () => {
    // Nothing is before a document's first byte. Of the even model each token costs ln 260.
    const cost = Math.log(bigramVocabulary)
    const likely = Math.log(1 + (bigramVocabulary - 1) * Math.exp(-5))
    const found = await json('even', 'knows', '--data', 'texts.jsonl', '--by-document')
    expect(found).toMatchObject({
      schema: 'holdfast.evaluate/1',
      data: { path: 'texts.jsonl', part: 'train', synthetic: false },
      models: [
        {
          ...{ model: 'even', is: 'language-model' },
          texts: {
            ...{ documents: 2, tokens: 9, bytes: 9, loss: expect.closeTo(cost, 4) },
            perplexity: expect.closeTo(bigramVocabulary, 1),
            bitsPerByte: expect.closeTo(Math.log2(bigramVocabulary), 4),
          },
        },
        {
          model: 'knows',
          texts: {
            nats: expect.closeTo(7 * likely + 2 * cost, 3),
            byDocument: [
              { document: 'texts.jsonl, line 1', tokens: 7, loss: expect.closeTo(likely, 4) },
              { document: 'texts.jsonl, line 2', tokens: 2, loss: expect.closeTo(cost, 4) },
            ],
          },
        },
      ],
    })
    // Names are those within the data, as in the gate; a file by itself is no part.
    mkdirSync(join(folder, 'within'))
    writeFileSync(join(folder, 'within', 'test.jsonl'), '{"text": "ab"}\n{"text": ""}\n')
    const within = await json('even', '--data', 'within', '--by-document')
    expect(within.models[0].texts.byDocument).toMatchObject([{ document: 'test.jsonl, line 1' }])
    expect(within.notes.join('\n')).toContain('within, test part: ')
    const file = await json('even', '--data', 'within/test.jsonl')
    expect(file.notes.join('\n')).toContain('within/test.jsonl: 1 ')
    expect(file.notes.join('\n')).not.toContain(' part')
    expect((await json('even', '--data', 'texts.jsonl')).models[0].texts.byDocument).toBeUndefined()
    const { stdout, stderr } = await run('even', 'knows', '--data', 'texts.jsonl', '--by-document')
    expect(stderr).toContain('texts.jsonl: 11 tokens in 2 documents: all used')
    expect(stdout).toMatchInlineSnapshot(`
      "texts.jsonl, all of it
      model  documents  tokens  bytes    loss  perplexity  bits per byte
      even           2       9      9  5.5607      260.00  8.0224
      knows          2       9      9  2.0211        7.55  2.9159

      document             bytes  bits per byte, even  bits per byte, knows
      texts.jsonl, line 2      2               8.0224  8.0224
      texts.jsonl, line 1      7               8.0224  1.4569
      "
    `)
  })

  test('answer probes, and what they answered goes to a gate', async () => {
    const found = await json('even', 'knows', '--probes', 'probes.jsonl')
    expect(found).toMatchObject({
      probes: 'probes.jsonl',
      models: [
        { probes: { choices: { probes: 2, sum: { right: 1 }, chance: 0.5 }, answers: { right: 0 } } },
        {
          probes: {
            choices: { probes: 2, sum: { right: 1 } },
            answers: { probes: 1, right: 1, accuracy: 1 },
          },
        },
      ],
    })
    expect(found.data).toBeUndefined()
    const { stdout } = await run(
      'knows',
      '--probes',
      'probes.jsonl',
      '--save-predictions',
      'knows.pred.jsonl',
    )
    expect(stdout).toMatchInlineSnapshot(`
      "probes.jsonl
      model  questions      acc  95 % interval  acc_norm  95 % interval
      knows          2  50.00 %  9.5 to 90.5 %   50.00 %  9.5 to 90.5 %
      acc takes the likeliest choice, acc_norm the likeliest for each byte. Guessing gives 50.00 %.

      model  prompts  exact answers  95 % interval
      knows        1       100.00 %  20.7 to 100.0 %
      Written: knows.pred.jsonl
      "
    `)
    expect(readFileSync(join(folder, 'knows.pred.jsonl'), 'utf8').split('\n')[2]).toBe(
      '{"id":"2","label":"4","pred":"4","probe":"answer"}',
    )
    const gate = await cli.run(['gate', 'knows.pred.jsonl', 'knows.pred.jsonl', '--json'], { cwd: folder })
    expect(JSON.parse(gate.stdout)).toMatchObject({ n: 3, verdict: 'inconclusive' })
  })

  test('read the texts of labelled rows where that is said', async () => {
    const found = await json('even', '--data', 'labelled.jsonl', '--documents', 'text')
    expect(found.models[0].texts).toMatchObject({ tokens: 4 })
  })
})

describe('other models', () => {
  test('have accuracy, macro F1 and intervals, by class', async () => {
    const found = await json('first', 'second', '--data', 'rows.csv')
    expect(found.models).toMatchObject([
      {
        is: 'other',
        labelled: {
          ...{ kind: 'classification', rows: 4, right: 3, accuracy: 0.75 },
          interval: { lower: expect.closeTo(0.3006, 3), upper: expect.closeTo(0.9544, 3) },
          macroF1: expect.closeTo((0.8 + 2 / 3) / 2, 6),
          classes: [
            { name: 'high', rows: 1, right: 1, precision: 0.5 },
            { name: 'low', rows: 3, right: 2, precision: 1, f1: 0.8 },
          ].sort((a, b) => (a.name === 'low' ? -1 : b.name === 'low' ? 1 : 0)),
        },
      },
      { labelled: { right: 1 } },
    ])
    const one = await run('first', '--data', 'rows.csv', '--save-predictions', 'first.jsonl')
    expect(one.stdout).toMatchInlineSnapshot(`
      "rows.csv, all of it
      model  rows  accuracy   95 % interval  macro F1
      first     4   75.00 %  30.1 to 95.4 %  73.33 %

      class  rows  accuracy    95 % interval  precision  F1
      low       3   66.67 %   20.8 to 93.9 %   100.00 %  80.00 %
      high      1  100.00 %  20.7 to 100.0 %    50.00 %  66.67 %
      Written: first.jsonl
      "
    `)
    expect(readFileSync(join(folder, 'first.jsonl'), 'utf8')).toContain(
      '"id":"2","label":"low","pred":"high"',
    )
    expect((await run('first', 'second', '--data', 'rows.csv')).stdout).toMatchInlineSnapshot(`
      "rows.csv, all of it
      model   rows  accuracy   95 % interval  macro F1
      first      4   75.00 %  30.1 to 95.4 %  73.33 %
      second     4   25.00 %   4.6 to 69.9 %  20.00 %

      class  rows                       first  second
      high      1  100.00 % (20.7 to 100.0 %)  0.00 % (0.0 to 79.3 %)
      low       3    66.67 % (20.8 to 93.9 %)  33.33 % (6.1 to 79.2 %)
      "
    `)
  })

  test('are wrong where a class is new to them, which is said', async () => {
    const { stderr } = await run('first', '--data', 'others.csv')
    expect(stderr).toContain('warning: others: middle is no class of first')
    const found = await json('first', '--data', 'others.csv')
    expect(found.models[0].labelled).toMatchObject({ rows: 5, right: 3 })
  })

  test('of numbers are held to the variance that they explain', async () => {
    const found = await json('sum', '--data', 'targets.csv', '--target-columns', 'target')
    // Errors 0, -0.5 and 0.5; targets 3, 4.5 and 0.5 about a mean of 8 / 3.
    const variance = (1 / 3) ** 2 + (11 / 6) ** 2 + (13 / 6) ** 2
    expect(found.models[0].labelled).toEqual({
      ...{ kind: 'regression', rows: 3, rmse: expect.closeTo(Math.sqrt(0.5 / 3), 5) },
      explainedVariance: expect.closeTo(1 - 0.5 / variance, 5),
    })
  })
})

test.each<[string, string[], string, RegExp]>([
  ['nothing to measure on', ['even'], 'argument-missing', /needs --data DIR, --probes FILE\.jsonl/],
  [
    'a probe without the right answer',
    ['even', '--probes', 'unanswered.jsonl'],
    'probe-answer-missing',
    /line 2/,
  ],
  [
    'an answer that is no choice',
    ['even', '--probes', 'stranger.jsonl'],
    'probe-answer-unknown',
    /"6".*"4", "5"/,
  ],
  [
    'a prompt longer than the context',
    ['short', '--probes', 'long.jsonl'],
    'probe-too-long',
    /has 40 tokens.* short reads 24/,
  ],
  ['a classifier given probes', ['first', '--probes', 'probes.jsonl'], 'evaluate-probes', /one of 2 classes/],
  [
    'labelled rows for a language model',
    ['even', '--data', 'labelled.jsonl'],
    'evaluate-labelled',
    /--documents/,
  ],
  ['named images for a language model', ['even', '--data', 'synthetic'], 'evaluate-labelled', /images/],
  [
    'no tokenizer for probes',
    ['bare', '--probes', 'probes.jsonl'],
    'tokenizer-missing',
    /bare: .*--tokenizer/,
  ],
  ['no tokenizer for texts', ['bare', '--data', 'texts.jsonl'], 'tokenizer-missing', /--tokenizer/],
  ['an encoder given texts', ['encoder', '--data', 'texts.jsonl'], 'model-looks-ahead', /encoder/],
  ['two kinds of models', ['even', 'first', '--data', 'rows.csv'], 'evaluate-kinds', /first is none/],
  [
    'labels that are no classes',
    ['first', '--data', 'strangers.csv'],
    'evaluate-classes',
    /none of the labels/,
  ],
  ['classes without names', ['sum', '--data', 'rows.csv'], 'classes-numbered', /labels\.txt/],
  [
    'predictions of texts',
    ['even', '--data', 'texts.jsonl', '--save-predictions', 'x.jsonl'],
    'evaluate-predictions',
    /gate/,
  ],
  [
    'predictions in a file of another kind than JSON Lines',
    ['first', '--data', 'rows.csv', '--save-predictions', 'p.csv'],
    'flag-value',
    /expected a file that ends with \.jsonl or \.ndjson, as JSON Lines are written, found "p\.csv"/,
  ],
  [
    'predictions of two models',
    ['even', 'knows', '--probes', 'probes.jsonl', '--save-predictions', 'x.jsonl'],
    'flag-value',
    /one model/,
  ],
])('what is refused: %s', async (_, words, code, text) => {
  const { stderr, code: exit } = await run(...words)
  expect(stderr).toContain(`error (${code})`)
  expect(stderr).toMatch(text)
  expect(exit).toBe(1)
})
