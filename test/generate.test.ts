import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { byteTokenizerFiles, chatMl } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

let cli: Cli
let folder: string

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-generate-'))
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles({ config: { chat_template: chatMl } })
  const write = (name: string, bytes: Uint8Array, files = true) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'model.onnx'), bytes)
    if (!files) return
    writeFileSync(join(folder, name, 'tokenizer.json'), tokenizer)
    writeFileSync(join(folder, name, 'tokenizer_config.json'), tokenizerConfig)
  }
  write('cached', tinyDecoder({ cache: 'merged', vocabulary: 260 }))
  write('plain', tinyDecoder({ vocabulary: 260 }))
  write('encoder', tinyDecoder({ vocabulary: 260, causal: false }))
  write('wide', tinyDecoder({ vocabulary: 2000 }))
  write('bare', tinyDecoder({ vocabulary: 260 }), false)
  writeFileSync(join(folder, 'plain', 'generation_config.json'), '{"eos_token_id": [0, "x"]}')
})
afterAll(() => cli.remove())

const run = (...words: string[]) => cli.run(['generate', ...words], { cwd: folder })

test('two models write side by side, the same with and without a cache', async () => {
  writeFileSync(join(folder, 'plain', 'generation_config.json'), '{"eos_token_id": [0, 3]}')
  const asked = ['--prompt', 'abc', '--temperature', '2', '--seed', '4', '--max-tokens', '9']
  const { stdout, stderr, code } = await run('cached', 'plain', ...asked)
  expect(code).toBe(0)
  const [, first, second] = stdout.split(/== .*\n/)
  expect(first?.trimEnd()).toBe(second?.trimEnd())
  expect(first?.length).toBeGreaterThan(2)
  expect(stderr).toMatch(
    /cached\/model\.onnx: 9 tokens after a prompt of 3, [\d.]+ a second; it ended as these/,
  )
  expect(stderr).toMatch(/plain\/model\.onnx: 9 tokens after a prompt of 3, [\d.]+ a second without a cache/)

  const json = JSON.parse((await run('cached', 'plain', ...asked, '--json')).stdout)
  expect(json).toMatchObject({
    prompt: 'abc',
    written: [
      { model: 'cached/model.onnx', end: 'length', promptTokens: 3, tokens: 9, cached: true },
      { model: 'plain/model.onnx', end: 'length', cached: false, text: json.written[0].text },
    ],
  })
  expect((await run('plain', ...asked, '--json', '--no-cache')).code).toBe(0)
})

test.runIf(existsSync('/dev/full'))('a stdout that takes nothing is told in a sentence', () => {
  const words = 'generate plain --prompt abc --max-tokens 2'
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', `"${process.execPath}" "${cli.file}" ${words} > /dev/full`],
    { cwd: folder, encoding: 'utf8' },
  )
  expect(status).toBe(1)
  expect(stderr).toMatch(/error \(write-failed\): stdout could not be written \(the disk is full.*\n$/)
  expect(stderr).not.toMatch(/\n {4}at /)
})

test('a conversation is written by the template', async () => {
  const { stdout } = await run('cached', '--chat', '--prompt', 'a', '--max-tokens', '1', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ prompt: 'a', written: [{ promptTokens: 20, tokens: 1 }] })
})

test('tokens that the tokenizer cannot write are told, and which stop ended a text', async () => {
  const asked = ['--prompt', 'abc', '--temperature', '50', '--seed', '4', '--max-tokens', '9']
  const { stderr, code } = await run('wide', ...asked)
  expect(stderr).toMatch(
    /warning: \d of the 9 tokens that wide\/model\.onnx wrote are none of its tokenizer, which knows 260/,
  )
  expect(code).toBe(0)
  const { text } = JSON.parse((await run('cached', ...asked, '--json')).stdout).written[0]
  const stop = /[a-zA-Z0-9]/.exec(text)?.[0] ?? ''
  const stopped = await run('cached', ...asked, '--stop', stop)
  expect(stopped.stderr).toContain(`it ended as "${stop}" came (--stop).`)
  expect(stopped.stderr).not.toContain('warning')
})

test('the second model is looked at before the first writes', async () => {
  const { stdout, stderr } = await run('cached', 'bare', '--prompt', 'abc')
  expect([stdout, stderr]).toEqual(['', expect.stringContaining('error (tokenizer-missing): bare')])
})

test('what is wrong is said', async () => {
  const failed = async (words: string[], code: string, text: RegExp) => {
    const { stderr, code: exit } = await run(...words)
    expect(exit).toBe(1)
    expect(stderr).toContain(`error (${code})`)
    expect(stderr).toMatch(text)
  }
  const prompt = ['--prompt', 'abc']
  await failed(['encoder', ...prompt], 'generate-not-decoder', /encoder\/model\.onnx: .* as in an encoder/)
  await failed(['bare', ...prompt], 'tokenizer-missing', /bare: there is no tokenizer\.json/)
  await failed(['plain', ...prompt, '--stop', '<|eot|>'], 'stop-unknown', /"<\|eot\|>"/)
  await failed(['plain', ...prompt, '--top-p', '0'], 'flag-value', /--top-p/)
  await failed(['plain', ...prompt, '--system', 'x'], 'flag-value', /--system .*--chat/)
  writeFileSync(join(folder, 'plain', 'generation_config.json'), '{"eos_token_id": [0, "x"]}')
  await failed(['plain', ...prompt], 'generation-config', /generation_config\.json.*eos_token_id/)
})
