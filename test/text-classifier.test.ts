import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { randomStream } from '../src/tensor/random.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
const folder = mkdtempSync(join(tmpdir(), 'holdfast-text-classifier-'))
const at = (name: string) => join(folder, name)
const run = (line: string) => cli.run(line.split(' '), { cwd: folder })

const words: Readonly<Record<string, readonly string[]>> = {
  music: ['play', 'song'],
  weather: ['rain', 'sunny'],
  alarm: ['wake', 'timer'],
  travel: ['flight', 'hotel'],
}
const around = ['please', 'the', 'for', 'me', 'now', 'today']

/** Sentences of one to five words, one of which tells the class. */
function sentences(names: readonly string[], perClass: number, seed: number) {
  const random = randomStream(seed, 'sentences')
  return names.flatMap((label) =>
    Array.from({ length: perClass }, () => {
      const others = Array.from({ length: random.integer(5) }, () => around[random.integer(6)])
      return { text: [words[label]?.[random.integer(2)], ...others].join(' '), label }
    }),
  )
}
const csv = (rows: ReturnType<typeof sentences>) =>
  `text,label\n${rows.map(({ text, label }) => `${text},${label}\n`).join('')}`
const jsonl = (rows: ReturnType<typeof sentences>) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const old = ['music', 'weather', 'alarm']

const config = `
stream: {kind: list, tasks: [{name: intents, source: old}]}
data: {vocabulary: {texts: [seen.jsonl]}}
model: {kind: transformer, layers: 1, width: 16, heads: 2, feedForward: 16}
learningRate: 0.01
batchSize: 16
epochs: 10
`

beforeAll(async () => {
  cli = await buildCli()
  mkdirSync(at('old'))
  writeFileSync(at('old/train.csv'), csv(sentences(old, 40, 1)))
  writeFileSync(at('old/test.csv'), csv(sentences(old, 40, 2)))
  mkdirSync(at('new'))
  writeFileSync(at('new/train.jsonl'), jsonl(sentences(['travel'], 40, 3)))
  writeFileSync(at('new/test.jsonl'), jsonl(sentences(['travel'], 30, 4)))
  // Texts without labels, whose words are to be known before there is a class for them.
  writeFileSync(at('seen.jsonl'), jsonl(sentences(['travel'], 9, 5)).replace(/,"label":"travel"/g, ''))
  writeFileSync(at('holdfast.yaml'), config)
})
afterAll(() => cli.remove())

test('what learn makes of texts is kept, updated and gated as it is', async () => {
  const learned = await run('learn holdfast.yaml --out run --threads 1')
  expect(learned.stderr).toContain('vocabulary is 14 words of the training texts of "intents" and of')
  expect(learned.code, learned.stderr).toBe(0)
  expect(readdirSync(at('run/model')).sort()).toEqual(['model.onnx', 'tokenizer.json'])

  const kept = await run('keep run/model --data old --per-class 5 -o old.keep --threads 1')
  expect(kept.code, kept.stderr).toBe(0)
  const settings = '--max-drop 20% --epochs 10 --learning-rate 0.01 --threads 1'
  const updated = await run(`update run/model --keep old.keep --new new ${settings} -o better`)
  expect(updated.code, updated.stderr).toBe(0)
  const [, reached] = /new data went from 0.00 to ([\d.]+) %/.exec(updated.stdout) ?? []
  expect(Number(reached)).toBeGreaterThan(80)
  expect(readdirSync(at('better')).sort()).toEqual(['model.onnx', 'tokenizer.json'])

  const gated = await run('gate run/model better --data old --max-drop 20% --json --threads 1')
  expect(gated.code, gated.stderr).toBe(0)
})

test('a run is gone on with by the vocabulary that it began with', async () => {
  const resumed = await run('resume run')
  expect(resumed.code, resumed.stderr).toBe(0)
  writeFileSync(at('seen.jsonl'), jsonl(sentences(['music'], 9, 6)))
  const changed = await run('resume run')
  expect(changed.stderr).toContain('run-data-changed')
})

test('a tokenizer that is named goes with the model', async () => {
  mkdirSync(at('words'))
  const json = readFileSync(at('run/model/tokenizer.json'), 'utf8')
  writeFileSync(at('words/tokenizer.json'), json)
  writeFileSync(at('words/tokenizer_config.json'), '{"model_max_length": 8}')
  writeFileSync(at('named.yaml'), config.replace('vocabulary: {texts: [seen.jsonl]}', 'tokenizer: words'))
  const learned = await run('learn named.yaml --out named --threads 1')
  expect(learned.code, learned.stderr).toBe(0)
  expect(readdirSync(at('named/model')).sort()).toEqual([
    'model.onnx',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
  expect(readFileSync(at('named/model/tokenizer.json'), 'utf8')).toBe(json)
})

test.each([
  ['kind: transformer, layers: 1, width: 16, heads: 2, feedForward: 16', 'kind: mlp', 'transformer'],
  ['vocabulary: {', 'tokenizer: words, vocabulary: {', 'leave one out'],
  ['kind: transformer', 'vocabulary: 5, kind: transformer', 'data.vocabulary.size'],
])('what cannot be is said: %s', async (from, to, said) => {
  writeFileSync(at('wrong.yaml'), config.replace(from, to))
  const { code, stderr } = await run('learn wrong.yaml --out wrong --threads 1')
  expect(code).toBe(1)
  expect(stderr).toContain(said)
})
