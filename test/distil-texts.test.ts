import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { wordVocabulary } from '../src/data/text/vocabulary.ts'
import { randomStream } from '../src/tensor/random.ts'
import { buildCli, type Cli } from './cli.ts'
import { learned } from './learn-runs.ts'
import { tinyDecoder } from './tiny-decoder.ts'

// A decoder that knows chains of words teaches them to another, from the likeliest tokens of each place.

const folder = mkdtempSync(join(tmpdir(), 'holdfast-distil-texts-'))
const at = (...names: string[]) => join(folder, ...names)
const words = ['red', 'green', 'blue', 'grey', 'black', 'and', 'then']
let cli: Cli

/** A decoder in a folder with a tokenizer of these words. */
function decoder(name: string, bytes: Uint8Array, known = words): string {
  mkdirSync(at(name))
  writeFileSync(at(name, 'model.onnx'), bytes)
  writeFileSync(at(name, 'tokenizer.json'), wordVocabulary(known, { size: 48 }))
  return at(name)
}

const distil = async (given: readonly string[]) => {
  const { code, stdout, stderr } = await cli.run(['distil', ...given, '--threads', '1', '--json'], {
    cwd: folder,
  })
  return { code, stderr, found: stdout.startsWith('{') ? JSON.parse(stdout) : undefined }
}

beforeAll(async () => {
  cli = await buildCli()
  const random = randomStream(1, 'chains')
  const documents = Array.from({ length: 80 }, () => {
    const start = random.integer(5)
    const line = Array.from({ length: 4 }, (_, place) => words[(start + place) % 5])
    return { text: ['and', 'then', ...line].join(' ') }
  })
  writeFileSync(at('chains.jsonl'), documents.map((row) => JSON.stringify(row)).join('\n'))
  const untrained = decoder('untrained', tinyDecoder({ vocabulary: 48 }))
  const { model } = await learned({
    stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'chains', source: at('chains.jsonl') }] },
    model: { kind: 'onnx', path: untrained },
    loss: 'causal-lm',
    ...{ iterations: 200, batchSize: 16, learningRate: 0.01 },
  })
  decoder('teacher', model)
  decoder('student', tinyDecoder({ vocabulary: 48, seed: 9 }))
  decoder(
    'stranger',
    tinyDecoder({ vocabulary: 48, seed: 9 }),
    words.map((word) => `${word}er`),
  )
}, 60_000)

afterAll(() => cli.remove())

it('a student of texts comes near its teacher, and is judged by documents held out', async () => {
  const asked = [
    'teacher',
    '--into',
    'student',
    '--data',
    'chains.jsonl',
    '--top-tokens',
    '6',
    '--batch',
    '16',
  ]
  const long = ['--iterations', '200', '--lr', '0.01', '--label-weight', '0', '--max-drop', '25%']
  const { code, found, stderr } = await distil([...asked, ...long, '-o', 'taught', '--report', 'taught.html'])
  expect(stderr).toContain('Judging on 16 documents held out.')
  expect(stderr).toContain('chains.jsonl: 16 documents that are held out are trained on, too.')
  expect(found).toMatchObject({ verdict: 'pass', judgedBy: 'texts', agreement: null })
  expect(code).toBe(0)
  // There are five different texts, and copies of one count once.
  expect(found.gate.texts.documents).toBe(5)
  expect(found.gate.warnings).toEqual([expect.stringContaining('11 of 16 documents are copies')])
  expect(readFileSync(at('taught.html'), 'utf8')).toMatch(/Documents held out.*bits\/byte teacher/s)
  // What its tokenizer is comes along.
  expect(readFileSync(at('taught', 'model', 'tokenizer.json'), 'utf8')).toBe(
    readFileSync(at('teacher', 'tokenizer.json'), 'utf8'),
  )
  const short = await distil([...asked, '--iterations', '1', '-o', 'short'])
  expect(short.code).toBe(2)
  const told = await cli.run(['distil', ...asked, '--iterations', '1', '-o', 'said', '--threads', '1'], {
    cwd: folder,
  })
  expect(told.stdout).not.toContain('same answer')
  expect(told.stdout).toMatch(/documents +bits\/byte teacher +student +change/)
  expect(told.stdout).toMatch(/Perplexity \S+ by the teacher, \S+ by the student, over/)
  expect(told.stdout).toContain(`Student: ${join('said', 'model', 'model.onnx')} (the run: said)`)
  expect(told.stdout).not.toContain(folder)
})

it('a student whose tokens have other numbers is refused, and so are rows without labels', async () => {
  const { stderr } = await distil(['teacher', '--into', 'stranger', '--data', 'chains.jsonl', '-o', 'no'])
  expect(stderr).toMatch(/do not cut texts to the same tokens: token \d+ is "\w+" to the one/)
  const bare = await distil(['teacher', '--into', 'student', '--unlabelled', 'chains.jsonl', '-o', 'no'])
  expect(bare.stderr).toMatch(/teacher is a language model, .* their own labels\. Name texts with --data/)
})

it('two teachers are one with the mean of their probabilities, and the student is held against that', async () => {
  const twins = ['teacher', 'teacher', '--into', 'student', '--data', 'chains.jsonl', '--batch', '16']
  const mixed = ['teacher', 'untrained', '--into', 'student', '--data', 'chains.jsonl', '--batch', '16']
  const short = ['--iterations', '2', '--top-tokens', '6']
  const alone = await distil(['teacher', ...twins.slice(2), ...short, '-o', 'alone'])
  const [same, other] = [
    await distil([...twins, ...short, '-o', 'twins']),
    await distil([...mixed, ...short, '-o', 'mixed']),
  ]
  const worse = ({ found }: typeof same) => found.gate.texts.change
  expect(same.found.teacher.name).toContain(' and ')
  expect(worse(same)).toBeCloseTo(worse(alone), 4)
  // Beside one that knows nothing the teachers are worse, and the student is behind them by less.
  expect(worse(other)).toBeLessThan(worse(alone))
  const strange = await distil(['teacher', 'stranger', '--into', 'untrained', ...twins.slice(4), '-o', 'no'])
  expect(strange.stderr).toMatch(/do not cut texts to the same tokens/)
}, 60_000)

it('a teacher or a student whose logits are padded is taught and teaches what both know', async () => {
  decoder('wide', tinyDecoder({ vocabulary: 60 }))
  const short = ['--data', 'chains.jsonl', '--batch', '16', '--iterations', '2', '--top-tokens', '50']
  const down = await distil(['wide', '--into', 'student', ...short, '-o', 'down'])
  expect(down.stderr).toMatch(/note: \S*wide\S* gives 60 logits .* those behind the first 48, .* are padding/)
  expect(down.stderr).toContain('The 50 likeliest tokens of a place were asked for, and the model has 48')
  expect(down.found.judgedBy).toBe('texts')
  const up = await distil(['teacher', '--into', 'wide', ...short, '-o', 'up'])
  expect(up.stderr).toContain('nothing is taught of those behind the first 48')
  expect(up.found.judgedBy).toBe('texts')
  const both = await distil(['teacher', 'wide', '--into', 'untrained', ...short, '-o', 'both'])
  expect(both.found.judgedBy).toBe('texts')
  decoder('narrow', tinyDecoder({ vocabulary: 5 }))
  const few = await distil(['wide', '--into', 'narrow', ...short, '-o', 'few'])
  expect(few.code).toBe(1)
  expect(few.stderr).toContain('distil-classes')
}, 60_000)

it('data of another kind than language models learn from, and networks of another kind, are named as what they are', async () => {
  writeFileSync(at('table.csv'), 'x,y,label\n1,2,amber\n3,4,blue\n')
  mkdirSync(at('photos', 'cat'), { recursive: true })
  writeFileSync(at('photos', 'cat', '1.png'), '')
  writeFileSync(at('built.yaml'), 'model: {kind: mlp}\n')
  const said = async (into: string, data: string) =>
    (await distil(['teacher', '--into', into, '--data', data, '-o', 'no'])).stderr
  expect(await said('student', 'table.csv')).toMatch(
    /error \(data-kind\): \S*table\.csv: these are rows of a table \(x, y, label\), but \S*student\S* is a language model.*--text-column/,
  )
  expect(await said('student', 'photos')).toMatch(/photos: these are images, but \S*student\S* is a language/)
  expect(await said('built.yaml', 'chains.jsonl')).toMatch(
    /error \(distil-teachers\): teacher is a language model, and built\.yaml is .* built anew/,
  )
})
