import { mkdirSync, writeFileSync } from 'node:fs'
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
  const rows = Array.from({ length: 20 }, (_, at) => `${JSON.stringify(probe(at))}\n`)
  writeFileSync(join(folder, 'probes.jsonl'), rows.join(''))
})
afterAll(() => cli.remove())

describe('answers to probes', () => {
  test('are no classes: how a wrong answer is spelled does not matter', async () => {
    for (const name of ['old', 'new'])
      await run(`evaluate ${name} --probes probes.jsonl --save-predictions ${name}.jsonl`)
    const { code, stderr, stdout } = await run('gate old.jsonl new.jsonl --max-drop 1% --json')
    expect([code, stderr]).toEqual([2, ''])
    expect(JSON.parse(stdout)).toMatchObject({ n: 20, drop: 0.5, verdict: 'fail', warnings: [] })
  })
})
