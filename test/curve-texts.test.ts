import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bigramModel, bigramVocabulary } from './bigram-model.ts'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

let cli: Cli
let folder: string
const run = (words: string) => cli.run(['curve', ...words.split(' ')], { cwd: folder })
const json = async (words: string) => JSON.parse((await run(`${words} --json`)).stdout)
const read = (name: string) => readFileSync(join(folder, name), 'utf8')

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-curve-texts-'))
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles()
  const model = (name: string, bytes: Uint8Array) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'model.onnx'), bytes)
    writeFileSync(join(folder, name, 'tokenizer.json'), tokenizer)
    writeFileSync(join(folder, name, 'tokenizer_config.json'), tokenizerConfig)
  }
  model('old', bigramModel({ ab: 4, ba: 4 }))
  model('new', bigramModel({ xy: 4, yx: 4 }))
  model('other', tinyDecoder({ vocabulary: bigramVocabulary }))
  const texts = (pair: string) =>
    Array.from({ length: 8 }, (_, at) => `${JSON.stringify({ text: pair.repeat(2 + (at % 3)) + at })}\n`)
  writeFileSync(join(folder, 'ab.jsonl'), texts('ab').join(''))
  writeFileSync(join(folder, 'xy.jsonl'), texts('xy').join(''))
})
afterAll(() => cli.remove())

/** Bits for a byte that follows with a logit among others of 0. */
const bits = (logit: number) => Math.log2(bigramVocabulary - 1 + Math.exp(logit)) - logit * Math.LOG2E

describe('the curve between two language models', () => {
  test('names all that is written with a point of it', async () => {
    const { code, stdout } = await run('old new --pick 0.5 -o half/model.onnx')
    expect([code, stdout.trim().split('\n')]).toEqual([
      0,
      [
        'Written: half/model.onnx, the point at alpha 0.5',
        `Written: ${join('half', 'tokenizer.json')}`,
        `Written: ${join('half', 'tokenizer_config.json')}`,
      ],
    ])
  })

  test('has bits per byte of old and new texts, worked out by hand, and bounds of the change', async () => {
    const found = await json('old new --old ab.jsonl --new xy.jsonl --points 3 --max-drop 20%')
    expect(found).toMatchObject({
      schema: 'holdfast.curve-texts/1',
      documents: { old: 8, new: 8 },
      ...{ unit: 'relative', budget: 0.2, confidence: 0.95, groups: [] },
    })
    // Of 4, 6 or 8 letters all but the first follow one; the number behind them follows none.
    const letters = [4, 6, 8, 4, 6, 8, 4, 6].map((length) => length - 1)
    const [known, all] = [letters.reduce((sum, n) => sum + n, 0), letters.reduce((sum, n) => sum + n + 1, 0)]
    const score = (logit: number, unknown: number) => (known * bits(logit) + (all - known) * unknown) / all
    // Other rows of the table have a logit of another letter.
    for (const [at, logit] of [4, 2, 0].entries()) {
      const digit = Math.log2(bigramVocabulary - 1 + Math.exp(logit))
      const fresh = Math.log2(bigramVocabulary - 1 + Math.exp(4 - logit))
      expect(found.points[at].old.bitsPerByte).toBeCloseTo(score(logit, digit), 4)
      expect(found.points[at].new.bitsPerByte).toBeCloseTo(score(4 - logit, fresh), 4)
    }
    const [first, , last] = found.points
    expect(first.old).toMatchObject({ change: 0, lower: 0, upper: 0 })
    expect(last.old.change).toBeCloseTo(last.old.bitsPerByte / first.old.bitsPerByte - 1, 6)
    expect(last.old.lower).toBeLessThan(last.old.change)
    expect(found.limit).toBeCloseTo(1.2 * first.old.bitsPerByte, 5)
    expect(found.points.map(({ verdict }: { verdict: string }) => verdict)).toEqual(['pass', 'fail', 'fail'])
  })

  test('counts a text that stands more than once once, and says so', async () => {
    writeFileSync(join(folder, 'twice.jsonl'), read('ab.jsonl') + read('ab.jsonl'))
    const [once, twice] = [
      await json('old new --old ab.jsonl --points 3'),
      await json('old new --old twice.jsonl --points 3'),
    ]
    expect(twice.documents.old).toBe(8)
    expect(twice.points).toEqual(once.points)
    const { stderr } = await run('old new --old twice.jsonl --points 3')
    expect(stderr).toContain('note: twice.jsonl: 8 of 16 documents are copies of others, to the last token')
  })

  test('is a table, a page, a plot and CSV, with the budget as a line', async () => {
    const { stdout, code } = await run(
      'old new --old ab.jsonl --new xy.jsonl --points 3 --max-bits 0.1 --groups --html c.html --svg c.svg --csv c.csv',
    )
    expect(code).toBe(0)
    expect(stdout).toContain('Bits per byte from old (alpha 0) to new (alpha 1), on 8 old documents')
    expect(stdout).toMatch(/\n0\.0 .* inside, the old model\n/)
    expect(stdout).toMatch(/\n0\.5 .* outside\n/)
    expect(stdout).toContain('The budget for old documents is 0.1000 bits per byte')
    expect(stdout).toContain('Layers taken back alone')
    const page = read('c.html')
    expect(page).toContain('>budget</text>')
    expect(page).toContain('class="band around"')
    // Old and new have an axis each, so that the budget can be read; the plot is as large as its letters are.
    expect(page.split('<h2>Layers')[0]?.match(/<figure/g)).toHaveLength(2)
    expect(page).toContain('All weights, old texts')
    expect(page).not.toContain('class="single"')
    expect(read('c.svg')).toContain('viewBox="0 0 680 216"')
    expect(page).not.toContain('NaN')
    expect(read('c.svg')).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    const [head, first, ...more] = read('c.csv').trim().split('\n')
    expect(head).toMatch(/^layers,alpha,old_bits_per_byte,old_perplexity,old_change,/)
    expect(first).toMatch(/^,0,\d+\.\d+,.*,pass$/)
    expect(more.at(-1)).toMatch(/^table,1,/)
  })

  test('bounds of perplexities are drawn where they are in bits per byte', async () => {
    const one = await run('old new --old ab.jsonl --points 2 --max-bits 9 --html bits.html')
    const other = await run('old new --old ab.jsonl --points 2 --max-perplexity-ratio 9 --html ratio.html')
    expect([one.code, other.code]).toEqual([0, 0])
    const bounds = (name: string) =>
      [...read(name).matchAll(/<td>(\d\.\d+) to (\d\.\d+)/g)].map(([, low, high]) => [
        Number(low),
        Number(high),
      ])
    expect(bounds('bits.html')).toHaveLength(2)
    for (const [at, [low, high]] of bounds('ratio.html').entries()) {
      // Tokens are bytes here, so both say the same, but for what few documents' bounds differ in.
      expect(low).toBeCloseTo(bounds('bits.html')[at]?.[0] ?? Number.NaN, 2)
      expect(high).toBeCloseTo(bounds('bits.html')[at]?.[1] ?? Number.NaN, 2)
    }
  })

  test('--pick writes a point, which generates and has no labels beside it', async () => {
    const { stdout } = await run('old new --pick 0.5 -o half/model.onnx --old ab.jsonl --points 2')
    expect(stdout).toMatch(/Written: half\/model\.onnx, the point at alpha 0\.5: old \d\.\d{4} bits per byte/)
    const middle = await json('half new --old ab.jsonl --points 2')
    const whole = await json('old new --old ab.jsonl --points 3')
    expect(middle.points[0].old.bitsPerByte).toBeCloseTo(whole.points[1].old.bitsPerByte, 5)
    expect(() => read('half/labels.txt')).toThrow()
  })
})

describe('wrong input', () => {
  test.each([
    ['old other --old ab.jsonl', 'curve-graphs', 'Give a model and its update'],
    ['old new --old ab.jsonl --max-drop 1% --max-bits 1', 'flag-value', 'give one'],
    ['old new --old nothing.jsonl', 'data-missing', 'nothing.jsonl'],
  ])('holdfast curve %s', async (words, code, message) => {
    const ended = await run(words)
    expect(ended.stderr).toContain(`error (${code}): `)
    expect(ended.stderr).toContain(message)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
  })
})
