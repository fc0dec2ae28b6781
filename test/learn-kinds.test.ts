import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { wordVocabulary } from '../src/data/text/vocabulary.ts'
import { modelFromOnnx, modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { randomStream } from '../src/tensor/random.ts'
import type { PlanInput } from '../src/train/plan/plan.ts'
import { learned } from './learn-runs.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-kinds-'))

const subjects = ['the cat', 'a dog', 'my horse', 'one small bird', 'our fish']
const verbs = { food: ['eats', 'bites', 'drinks'], travel: ['runs', 'flies', 'swims'] }

/** Sentences of three to five words, of which one tells the class. */
function sentences(count: number, seed: number): { text: string; label: string }[] {
  const random = randomStream(seed, 'sentences')
  return Array.from({ length: count }, (_, row) => {
    const label = row % 2 === 0 ? 'food' : 'travel'
    const verb = verbs[label][random.integer(3)] ?? ''
    return { text: `${subjects[random.integer(5)]} ${verb} here`, label }
  })
}

const write = (name: string, rows: readonly object[]): string => {
  const path = join(folder, name)
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'))
  return path
}

/** A folder with one of the exported models and a tokenizer for the sentences beside it. */
function exported(family: string): string {
  const place = mkdtempSync(join(folder, `${family}-`))
  copyFileSync(`test/fixtures/families/${family}.onnx`, join(place, 'model.onnx'))
  writeFileSync(
    join(place, 'tokenizer.json'),
    wordVocabulary(
      sentences(200, 1).map(({ text }) => text),
      { size: 48 },
    ),
  )
  return join(place, 'model.onnx')
}

const twoTasks = (name: string, rows: (seed: number) => readonly object[]): PlanInput['stream'] => ({
  kind: 'list',
  scenario: 'domain',
  tasks: [1, 2].map((seed) => ({
    name: `${name} ${seed}`,
    source: write(`${name}-${seed}.jsonl`, rows(seed)),
  })),
})

describe('texts', () => {
  it.each(['bert', 'distilbert', 'gru'])(
    'are learned by an exported %s, with the mask that follows from the padding',
    async (family) => {
      const { result } = await learned({
        stream: {
          kind: 'list',
          tasks: [{ name: 'intents', source: write('intents.jsonl', sentences(80, 3)) }],
        },
        model: { kind: 'onnx', path: exported(family), head: 'replace' },
        iterations: 60,
        batchSize: 16,
        learningRate: 0.01,
      })
      expect(result.initial[0]).toBeLessThan(0.9)
      expect(result.matrix[0]?.[0]).toBeGreaterThan(0.95)
    },
  )

  it('are read by a tokenizer of one’s own for a model from scratch', async () => {
    const tokenizer = join(exported('bert'), '..')
    const { result } = await learned({
      stream: {
        kind: 'list',
        tasks: [{ name: 'intents', source: write('scratch.jsonl', sentences(80, 3)) }],
      },
      data: { tokenizer, maxLength: 6 },
      model: { kind: 'transformer', layers: 1, width: 16, heads: 2, feedForward: 16, vocabulary: 48 },
      iterations: 60,
      batchSize: 16,
      learningRate: 0.01,
    })
    expect(result.matrix[0]?.[0]).toBeGreaterThan(0.95)
  })
})

describe('words with a tag each', () => {
  const tagged = (seed: number) =>
    sentences(60, seed).map(({ text }) => {
      const tokens = text.split(' ')
      const verb = (word: string) => Object.values(verbs).flat().includes(word)
      // As long as the words go, so that rows are filled up.
      const words = seed === 2 ? [...tokens, 'here', 'here'] : tokens
      return {
        tokens: words,
        tags: words.map((word) => (verb(word) ? 'verb' : word === 'here' ? 'place' : 'other')),
      }
    })

  it.each([
    ['none', 'accuracy', 1],
    ['replay', 'macro-f1', 1],
    ['lwf', 'accuracy', 0],
  ] as const)('are learned token by token with %s, and scored by %s', async (name, score, task) => {
    const { result, model } = await learned({
      stream: twoTasks(`tags-${name}`, tagged),
      model: { kind: 'onnx', path: exported('llama'), head: 'replace' },
      method: { name },
      score,
      ...(name === 'none' ? { earlyStopping: { every: 10 } } : {}),
      iterations: 40,
      batchSize: 16,
      learningRate: 0.02,
    })
    expect(result.matrix[1]?.[task]).toBeGreaterThan(0.95)
    expect(modelFromOnnx(model).classes).toEqual(['other', 'place', 'verb'])
  })
})

describe('a causal language model', () => {
  const plan = (family: string, method: string, model = {}): PlanInput => ({
    stream: twoTasks('stories', (seed) => sentences(60, seed).map(({ text }) => ({ text }))),
    model: { kind: 'onnx', path: exported(family), ...model },
    method: { name: method },
    loss: 'causal-lm',
    iterations: 60,
    batchSize: 16,
    learningRate: 0.01,
  })

  it.each([
    ['gpt2', 'none'],
    ['llama', 'lwf+replay'],
    ['gpt2', 'reservoir-replay'],
    ['gpt2', 'joint'],
    ['gpt2', 'ewc'],
  ])('%s learns the next token of two tasks with %s', async (family, method) => {
    const { result } = await learned(plan(family, method))
    const [last = []] = result.matrix.slice(-1)
    // Two rows of a task each, or one where all is learned at once.
    expect(result.texts?.matrix.map((row) => row.length)).toEqual(result.matrix.map((row) => row.length))
    const [ends = []] = result.texts?.matrix.slice(-1) ?? []
    for (const [task, { bitsPerByte }] of ends.entries())
      expect(bitsPerByte).toBeLessThan(0.7 * (result.texts?.initial[task]?.bitsPerByte ?? 0))
    for (const [task, accuracy] of last.entries()) {
      expect(result.initial[task]).toBeLessThan(0.2)
      expect(accuracy).toBeGreaterThan(0.45)
    }
  })

  it('trains by low-rank updates', async () => {
    const { result } = await learned(plan('llama', 'none', { lora: { rank: 4 } }))
    expect(result.matrix[1]?.[1]).toBeGreaterThan(result.initial[1] ?? 1)
    expect(result.texts?.matrix[1]?.[1]?.perplexity).toBeLessThan(result.texts?.initial[1]?.perplexity ?? 0)
  })

  it('is refused a method that needs classes of rows', async () => {
    await expect(learned(plan('gpt2', 'der++'))).rejects.toMatchObject({ code: 'der-labels' })
  })
})

describe('tables of numbers', () => {
  const random = randomStream(5, 'tables')
  const model = (classes: number): string => {
    const path = join(folder, `mlp-${classes}.onnx`)
    writeFileSync(
      path,
      modelToOnnx({
        ...mlp({ widths: [3, 16, classes], seed: 1 }),
        classes: classes === 2 ? ['warm', 'wet'] : [],
      }),
    )
    return path
  }
  const rows = () =>
    Array.from({ length: 100 }, () => {
      const [a = 0, b = 0, c = 0] = [0, 1, 2].map(() => random.uniform() * 2 - 1)
      return { a, b, c, wet: a + b > 0 ? 1 : 0, warm: c > 0 ? 1 : 0, cost: 2 * a - c }
    })
  const plan = (given: Partial<PlanInput>): PlanInput => ({
    stream: twoTasks('table', rows),
    iterations: 150,
    batchSize: 32,
    learningRate: 0.02,
    ...given,
  })
  const weather = { columns: { labels: ['wet', 'warm'], features: ['a', 'b', 'c'] } }

  it.each([
    ['accuracy', 0.9],
    ['subset', 0.8],
    ['macro-f1', 0.9],
  ] as const)('with several labels a row are learned by their names, scored by %s', async (score, least) => {
    const { result } = await learned(
      plan({ data: weather, model: { kind: 'onnx', path: model(2) }, method: { name: 'lwf+replay' }, score }),
    )
    for (const accuracy of result.matrix[1] ?? []) expect(accuracy).toBeGreaterThan(least)
  })

  it('with numbers to predict are scored by the variance explained', async () => {
    const { result } = await learned(
      plan({
        data: { columns: { targets: ['cost'], features: ['a', 'b', 'c'] } },
        model: { kind: 'onnx', path: model(1) },
        method: { name: 'replay' },
      }),
    )
    for (const accuracy of result.matrix[1] ?? []) expect(accuracy).toBeGreaterThan(0.9)
  })

  it('with numbers to predict are refused by LwF before anything is trained', async () => {
    const data = { columns: { targets: ['cost'], features: ['a', 'b', 'c'] } }
    const run = learned(plan({ data, model: { kind: 'mlp', hidden: [4] }, method: { name: 'lwf' } }))
    await expect(run).rejects.toMatchObject({ code: 'lwf-targets' })
  })
})
