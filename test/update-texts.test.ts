import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

let cli: Cli
let folder: string
const at = (...names: string[]) => join(folder, ...names)
const holdfast = (words: string) => cli.run(words.split(' '), { cwd: folder })
const run = (words: string) => holdfast(`update ${words} --threads 1 --seed 1`)
const short = '--batch 4 --epochs 2 --learning-rate 0.005 --max-length 24'

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-update-texts-'))
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles({ config: { model_max_length: 24 } })
  mkdirSync(at('gpt', 'onnx'), { recursive: true })
  writeFileSync(at('gpt', 'onnx', 'model.onnx'), tinyDecoder({ vocabulary: 260 }))
  writeFileSync(at('gpt', 'tokenizer.json'), tokenizer)
  writeFileSync(at('gpt', 'tokenizer_config.json'), tokenizerConfig)
  const texts = (name: string, part: string, count: number, word: string) => {
    mkdirSync(at(name), { recursive: true })
    const rows = Array.from({ length: count }, (_, row) => {
      // No text comes twice: copies would count once.
      const shift = Math.floor(row / 7)
      const words = Array.from(
        { length: 3 + ((row * 5) % 7) },
        (_each, n) => `${word}${(row * n + shift) % 7}`,
      )
      return `${JSON.stringify({ text: `${part} ${words.join(' ')}` })}\n`
    })
    writeFileSync(at(name, `${part}.jsonl`), rows.join(''))
  }
  texts('old', 'train', 24, 'old')
  texts('old', 'test', 14, 'old')
  texts('new', 'train', 16, 'new')
  texts('new', 'test', 8, 'new')
  writeFileSync(at('prompts.txt'), 'new1 ne\n')
})
afterAll(() => cli.remove())

describe('holdfast update of a language model', () => {
  test('writes a folder with its sidecars, whose gate says what was announced, and a complete adapter', async () => {
    const { code, stdout, stderr } = await run(
      `gpt --new new --old old --max-drop 5% -o better --adapter adapter --report page.html --markdown update.md --prompts prompts.txt --prompt-tokens 6 --json ${short}`,
    )
    // Whoever follows without a terminal hears what goes on.
    expect(stderr).toMatch(
      /^reading texts\nanswering prompts\nmeasuring the model as it is\nnew texts +16 documents/,
    )
    const found = JSON.parse(stdout)
    expect([code, found.status, found.schema]).toEqual([0, 'met', 'holdfast.update-texts/1'])
    expect(found.trials).toHaveLength(1)
    expect(found.trials[0].settings).toMatchObject({
      rung: 'low-rank updates',
      replayShare: 0.25,
      batchSize: 4,
    })
    expect(found.written.model).toBe('better')
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      expect(existsSync(at('better', name))).toBe(true)
    const gated = await holdfast('gate gpt better --data old --max-drop 5% --json --max-length 24')
    const gate = JSON.parse(gated.stdout)
    const [claim] = found.old.claims
    expect(gate.texts?.verdict ?? gate.verdict).toBe('pass')
    expect((gate.texts ?? gate).change).toBeCloseTo(claim.change, 9)
    expect((gate.texts ?? gate).upper).toBeCloseTo(claim.upper, 9)
    const config = JSON.parse(readFileSync(at('adapter', 'adapter_config.json'), 'utf8'))
    expect(config).toMatchObject({ peft_type: 'LORA', r: 16 })
    expect(readFileSync(at('update.md'), 'utf8')).toMatch(/^## ✅ Update: budget met/)
    const page = readFileSync(at('page.html'), 'utf8')
    for (const part of ['Bits per byte before and after', 'The trade-off', 'The same prompts', 'new1 ne'])
      expect(page).toContain(part)
    // Both answers are those of the files.
    const answered = await holdfast('evaluate gpt better --prompts prompts.txt --prompt-tokens 6 --json')
    const [before, after] = JSON.parse(answered.stdout).models.map(
      (model: { answers: readonly string[] }) => model.answers[0],
    )
    expect(found.prompts).toEqual([{ prompt: 'new1 ne', before, after }])
  })

  test('goes on from pack to pack, and holds all releases together', async () => {
    const kept = await holdfast('keep gpt --data old -o gpt.keep --max-length 24')
    expect([kept.code, kept.stderr.split('\n')[0]]).toEqual([0, 'reading texts'])
    const flags = `--new new --max-drop 60% --rungs whole --json ${short}`
    const first = await run(`gpt --keep gpt.keep --keep-out next.keep -o one ${flags}`)
    expect([first.code, JSON.parse(first.stdout).old.claims.length]).toEqual([0, 1])
    const second = await run(`one --keep next.keep -o two ${flags} --max-drop-total 90%`)
    const found = JSON.parse(second.stdout)
    expect(found.old.uses).toBe(1)
    expect(found.old.claims.map(({ name }: { name: string }) => name)).toEqual(['deployed', 'total'])
    expect(found.old.claims[1]).toMatchObject({ budget: 0.9, confidence: 0.9875 })
    expect(second.code).toBe(0)
    // The pack is of one, whose releases are not this model's.
    const other = await run(`two --keep next.keep -o three ${flags.replace('--json ', '')}`)
    expect(other.stderr).toMatch(
      /next\.keep was made of another model: one\/onnx\/model\.onnx \(SHA.*, not two\/onnx\/model\.onnx \(/,
    )
    expect(other.stdout).toMatch(/have proved 1 release before\. .* as sure as on fresh ones\.$/m)
    const merging = await holdfast('merge one two --base gpt --data old -o merged.onnx')
    expect([merging.code, merging.stdout, existsSync(at('merged.onnx'))]).toEqual([1, '', false])
    expect(merging.stderr).toContain('holdfast gate gpt merged.onnx --data old')
  })

  test('rehearses what the model writes itself where nothing old is left, and calls it unproved', async () => {
    const { code, stdout, stderr } = await run(
      `gpt --new new -o alone --self-written 12 --rungs whole ${short} --max-drop 5%`,
    )
    expect(stderr).toContain('written by the model itself')
    expect(stdout).toMatch(/^INCONCLUSIVE\. There is no proof: /)
    expect(code).toBe(3)
    expect(existsSync(at('alone.unproven', 'onnx', 'model.onnx'))).toBe(true)
    expect(existsSync(at('alone'))).toBe(false)
  })

  test('says before it begins what there is and what it takes', async () => {
    const { code, stdout, stderr } = await run(
      `gpt --new new --old old --prompts prompts.txt --dry-run --json ${short}`,
    )
    // Nothing is taught, so no prompt is answered before and after.
    expect(stderr).toMatch(/^reading texts\nmeasuring the model as it is\n/)
    const found = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(found).toMatchObject({
      schema: 'holdfast.preflight-texts/1',
      texts: { train: { documents: 16 }, check: { documents: 8 }, heldOut: { documents: 14 } },
      method: { name: 'replay+distil' },
      rungs: ['low-rank updates', 'everything'],
      budget: { unit: 'relative', maxChange: 0.01 },
    })
    expect(found.cost.trials).toHaveLength(2)
    const unrehearsed = await run(`gpt --new new --old old --replay-share 0 --dry-run --json ${short}`)
    expect(JSON.parse(unrehearsed.stdout)).toMatchObject({
      texts: { rehearsed: { documents: 0 }, heldOut: { documents: 14 } },
      method: {
        name: 'lwf',
        reasons: [expect.stringMatching(/^Old texts are there, and none of them is/), {}],
      },
    })
    expect(found.cost.writing).toBeNull()
    const many = await run(`gpt --new new --old old --dry-run ${short} --lora 1000 --top-tokens 5000`)
    expect(many.stdout).toMatch(
      /note: Low-rank updates of rank 1000 .* of \d+ layers have fewer inputs or outputs: they get rank 1000 as asked, and there rank 8 /,
    )
    expect(many.stdout).toContain(
      'note: The 5,000 likeliest tokens of a place were asked for, and the model has 260',
    )
  })

  test('writes a few texts alone to say what all of them take', async () => {
    const { code, stdout } = await run(`gpt --new new --dry-run --rungs whole --json ${short}`)
    const found = JSON.parse(stdout)
    expect(code).toBe(0)
    const { rehearsed, order } = found.texts
    expect(rehearsed.documents + order.documents).toBeLessThan(found.cost.writing.texts)
    expect(found.cost.writing.texts).toBe(20)
    expect(found.cost.writing.seconds).toBeGreaterThan(0)
    const { stdout: told } = await run(`gpt --new new --dry-run --rungs whole ${short}`)
    expect(told).toContain('written by the model itself to time it')
    expect(told).toMatch(/ for the 20 texts that the model writes itself; /)
  })
})

describe('wrong input', () => {
  test.each([
    ['gpt --new new --old old -o x --expand-head 20', 'update-flag', '--expand-head is for classifiers'],
    ['gpt --new new --old old -o x --max-drop-per-class 5%', 'update-flag', '--max-drop-per-class is for'],
    ['gpt --new new --old old -o x --rungs head', 'update-flag', '--rungs head is for classifiers'],
    ['gpt --new new --old old -o x --max-drop 1% --max-bits 0.1', 'flag-value', 'give one'],
    ['gpt --new new --old old -o x --method der++', 'method-texts', 'der++'],
    ['gpt --new new --old old -o x --baseline b.jsonl', 'update-flag', 'gate OLD NEW --data TEXTS --save'],
    ['gpt --new new --old old -o x --self-written 5', 'flag-value', '--self-written says how many texts'],
    ['gpt --new new --old old -o x --adapter ad --train head', 'flag-value', 'leave one of them out'],
    ['gpt --new new --old old -o x --learning-rate 0', 'flag-value', 'above 0'],
    ['gpt --new new --old nowhere -o x', 'data-missing', 'nowhere'],
    ['gpt --new new --old old -o x --prompts nowhere.txt', 'file-unreadable', 'nowhere.txt'],
    ['gpt --new new --old old -o x --prompt-tokens 4', 'flag-value', '--prompt-tokens needs --prompts FILE'],
    ['gpt --new old/train.jsonl --old old -o gpt/onnx', 'out-in-input', 'gpt'],
    ['gpt --new new --old old -o x --confidence 0.9999', 'confidence-range', 'confidence of 0.999 at most'],
    ['gpt --new new --old old --dry-run --confidence 0.9999', 'confidence-range', 'of 0.999 at most'],
    [
      'gpt --new new --old old -o x --max-drop=-1%',
      'flag-value',
      'expected a share of 0 or more, below 100 %',
    ],
  ])('holdfast update %s', async (words, code, message) => {
    const ended = await run(words)
    expect(ended.stderr).toContain(`error (${code}): `)
    expect(ended.stderr).toContain(message)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
  })
})

test('advice on a language model measures on its texts, and names the update that does it', async () => {
  const asked = 'advise gpt --new new --old old --max-drop 5% --time 10m --max-length 24 --threads 1'
  const { code, stdout, stderr } = await holdfast(`${asked} --json`)
  expect(stderr).toContain('Measuring for about 600 s.')
  expect(code).toBe(0)
  const found = JSON.parse(stdout)
  expect(found).toMatchObject({
    schema: 'holdfast.advice/1',
    situation: { model: 'language', old: 'some' },
    texts: { judged: 8, used: expect.any(Number) },
    unmeasured: [],
  })
  expect(found.texts.used).toBe(found.texts.all)
  expect(found.measured).toHaveLength(3)
  expect(found.before.new).toBeGreaterThan(found.measured[0].gain)
  expect(found.peakBytes).toBeGreaterThan(2 ** 20)
  expect(found.command).toMatch(/^holdfast update gpt --new new --old old --max-drop 5%.* -o better$/)
  const told = await holdfast(`${asked} --rows 1`)
  expect(told.stdout).toMatch(/Measured on your texts: .* 8 new documents/)
  expect(told.stdout).toMatch(/note: Measured with 1 of \d+ new rows/)
  const bare = await holdfast('advise gpt --new new --max-length 24')
  expect(bare.stdout).toContain('note: No old texts are there to measure on')
  expect(bare.stdout).toContain('Advice: holdfast update gpt --new new --old self --max-drop 1%')
  writeFileSync(at('labelled.csv'), 'text,label\nwhere is it,a\nwhat is it,b\n')
  const labelled = await holdfast('advise gpt --new labelled.csv --max-length 24')
  expect(labelled.stderr).toContain('error (update-labelled): labelled.csv: rows have a label')
})
