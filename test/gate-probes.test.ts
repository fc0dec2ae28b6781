import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bigramModel } from './bigram-model.ts'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const run = (words: string) => cli.run(words.split(' '), { cwd: folder })

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-gate-probes-'))
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles()
  const model = (name: string, pairs: Readonly<Record<string, number>>) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'model.onnx'), bigramModel(pairs))
    writeFileSync(join(folder, name, 'tokenizer.json'), tokenizer)
    writeFileSync(join(folder, name, 'tokenizer_config.json'), tokenizerConfig)
  }
  // The one puts b behind a, the other c.
  model('old', { ab: 9, '= ': 9, ' a': 9 })
  model('new', { ac: 9, '= ': 9, ' a': 9 })
  const probe = (at: number) => ({ prompt: `${at} =`, answer: at % 2 === 0 ? 'ab' : 'AB' })
  const rows = Array.from({ length: 12 }, (_, at) => `${JSON.stringify(probe(at))}\n`)
  writeFileSync(join(folder, 'probes.jsonl'), rows.join(''))
  const texts = Array.from(
    { length: 8 },
    (_, at) => `${JSON.stringify({ text: `${'ab'.repeat(2 + (at % 3))} ${at}` })}\n`,
  )
  writeFileSync(join(folder, 'texts.jsonl'), texts.join(''))
  writeFileSync(join(folder, 'ids.txt'), '0\n2\n')
  writeFileSync(join(folder, 'classes.jsonl'), '{"id": "0", "label": "a", "pred": "a"}\n')
})
afterAll(() => cli.remove())

const json = async (words: string) => JSON.parse((await run(`gate ${words} --json`)).stdout)

describe('answers to probes', () => {
  test('are no classes: how a wrong answer is spelled does not matter', async () => {
    for (const name of ['old', 'new'])
      await run(`evaluate ${name} --probes probes.jsonl --save-predictions ${name}.jsonl`)
    const { code, stderr, stdout } = await run('gate old.jsonl new.jsonl --max-drop 1% --json')
    expect([code, stderr]).toEqual([2, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ schema: 'holdfast.gate-probes/1', n: 12, drop: 0.5, verdict: 'fail', warnings: [] },
      lost: expect.arrayContaining([expect.objectContaining({ id: '2', label: 'ab' })]),
    })
  })

  test('of models are compared by the file of probes, and each side may be its answers', async () => {
    const models = await json('old new --probes probes.jsonl --max-drop 60%')
    expect(models).toMatchObject({ verdict: 'inconclusive', budget: 0.6, drop: 0.5 })
    const mixed = await json('old.jsonl new --probes probes.jsonl --max-drop-probes 60%')
    expect({ ...mixed, baseline: models.baseline, notes: [] }).toEqual({ ...models, notes: [] })
  })

  test('have to stay right where their ids are listed', async () => {
    const { code, stdout } = await run(
      'gate old new --probes probes.jsonl --max-drop 99% --never-flip ids.txt --flips flips.jsonl --junit gate.xml --markdown gate.md',
    )
    expect(code).toBe(2)
    expect(stdout).toMatch(
      /^FAIL\. 2 of the 2 probes that must never flip were right and are wrong now: 0, 2\./,
    )
    const flips = readFileSync(join(folder, 'flips.jsonl'), 'utf8').trim().split('\n')
    expect([flips.length, JSON.parse(flips[0] ?? '')]).toMatchObject([6, { id: '0', flip: 'negative' }])
    expect(readFileSync(join(folder, 'gate.xml'), 'utf8')).toContain('name="never-flip"')
  })
})

describe('texts and probes', () => {
  test('go into one verdict, which all rules have to pass, and one file stands for both', async () => {
    const words = '--data texts.jsonl --max-drop 1% --probes probes.jsonl --max-drop-probes 99%'
    const found = await json(`old new ${words} --save-predictions both.jsonl`)
    expect(found).toMatchObject({
      schema: 'holdfast.gate-texts/1',
      verdict: 'fail',
      rules: [
        { rule: 'score', verdict: 'fail' },
        { rule: 'probes', verdict: 'pass' },
      ],
      probes: { schema: 'holdfast.gate-probes/1', n: 12, verdict: 'pass' },
    })
    const again = await json(`old both.jsonl ${words}`)
    expect(again.rules).toEqual(found.rules)
    const back = await json(`both.jsonl old ${words}`)
    expect(back.verdict).toBe('pass')
    const { stderr, code } = await run('gate old both.jsonl --data texts.jsonl')
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(
        'both.jsonl holds answers to probes, too; they are not compared: --probes is not given',
      ),
    ])
  })
})

describe('prompts', () => {
  test('are answered by both models, on the page, in the terminal and as JSON', async () => {
    const hostile = '<img src=x onerror=alert(1)> a'
    writeFileSync(join(folder, 'prompts.txt'), `1 =\n\n${hostile}\n`)
    const words = 'gate old new --data texts.jsonl --prompts prompts.txt --prompt-tokens 3 --html gate.html'
    const { stdout } = await run(words)
    expect(stdout).toContain('The same prompts, 2 of 2 answered otherwise:\n> 1 =\n  old  ab')
    const page = readFileSync(join(folder, 'gate.html'), 'utf8')
    expect(page).toContain('<h2>The same prompts</h2>')
    expect(page).toContain('<h2>Documents that got worse</h2>')
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt; a')
    expect(page).not.toContain('<img')
    // Behind " =" comes " a", and there they part.
    expect(page).toContain('<span class="alike"></span>ab')
    const found = await json('old new --data texts.jsonl --prompts prompts.txt --prompt-tokens 3')
    expect(found.prompts).toMatchObject([{ prompt: '1 =', before: ' ab', after: ' ac' }, { prompt: hostile }])
    const evaluated = await run('evaluate old new --prompts prompts.txt --prompt-tokens 3')
    expect(evaluated.stdout).toContain('> 1 =\n  old  ab\n  new  ac\n')
  })

  test('of tables are read with their conversations', async () => {
    writeFileSync(
      join(folder, 'prompts.jsonl'),
      ['{"prompt": "1 ="}', '{"messages": [{"role": "user", "content": "hi"}]}'].join('\n'),
    )
    const { stderr } = await run('evaluate old --prompts prompts.jsonl')
    expect(stderr).toContain('error (chat-template-missing): ')
  })
})

describe('wrong input', () => {
  test.each([
    ['old.jsonl new --data texts.jsonl', 'gate-kinds', 'old.jsonl holds no losses on documents'],
    ['old.jsonl classes.jsonl', 'gate-kinds', 'Give both sides of one kind'],
    ['classes.jsonl classes.jsonl --probes probes.jsonl', 'gate-flag', '--probes is for language models'],
    ['old new --probes probes.jsonl --max-bits 1', 'gate-flag', '--max-bits is for texts'],
    ['old new --data texts.jsonl --max-drop-probes 1%', 'gate-flag', 'give --probes'],
    ['old new --probes probes.jsonl --max-drop-per-class 1%', 'gate-flag', 'there are no classes'],
    ['old new --data probes.jsonl', 'field-missing', 'take them with --probes'],
    ['old new --probes texts.jsonl', 'field-missing', 'expected a probe'],
    ['old.jsonl new --probes probes.jsonl --prompts ids.txt', 'gate-prompts', 'Give models on both sides'],
    ['old new --data texts.jsonl --prompt-tokens 3', 'flag-value', '--prompt-tokens needs --prompts'],
    ['classes.jsonl classes.jsonl --html x.html', 'gate-flag', '--html is for language models'],
    ['old new --data texts.jsonl --prompts classes.jsonl', 'field-missing', 'expected a prompt'],
  ])('holdfast gate %s', async (words, code, message) => {
    const ended = await run(`gate ${words}`)
    expect(ended.stderr).toContain(`error (${code}): `)
    expect(ended.stderr).toContain(message)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
  })
})
