import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

// The table "Bad input" of docs/language-models.md: each command is run, and has to print what stands behind it.

interface Row {
  readonly input: string
  readonly command: string
  readonly message: string
}

const document = readFileSync(resolve(import.meta.dirname, '../docs/language-models.md'), 'utf8')
const section = /\n## Bad input\n([\s\S]*?)\n## /.exec(document)?.[1] ?? ''
const rows = section.split('\n').flatMap((line): Row[] => {
  const [, input, command, message] = /^\| ([^|`]+) \| `holdfast ([^`]+)` \| `([^`]+)` \|$/.exec(line) ?? []
  return input && command && message ? [{ input, command, message }] : []
})

let cli: Cli
let folder: string

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-bad-texts-'))
  const model = (name: string, bytes: Uint8Array, config?: Readonly<Record<string, unknown>>) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'model.onnx'), bytes)
    if (!config) return
    const { tokenizer, tokenizerConfig } = byteTokenizerFiles({ config: { model_max_length: 24, ...config } })
    writeFileSync(join(folder, name, 'tokenizer.json'), tokenizer)
    writeFileSync(join(folder, name, 'tokenizer_config.json'), tokenizerConfig)
  }
  const decoder = tinyDecoder({ vocabulary: 260 })
  model('gpt', decoder, {})
  model('bare', decoder)
  const chat_template =
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{{ m.content }}\n{% endfor %}"
  model('chat', decoder, { chat_template })
  model('bert', tinyDecoder({ vocabulary: 260, causal: false }), {})
  const jsonl = (name: string, ...objects: object[]) =>
    writeFileSync(join(folder, name), objects.map((each) => `${JSON.stringify(each)}\n`).join(''))
  jsonl('texts.jsonl', { text: 'in the beginning' }, { text: 'and it came to pass' })
  jsonl('empty.jsonl', { text: '' }, { text: '' })
  jsonl('some-empty.jsonl', { text: 'in the beginning' }, { text: '' })
  const [system, user, assistant] = ['system', 'user', 'assistant'].map((role) => ({ role, content: role }))
  jsonl('chats.jsonl', { messages: [system, user, assistant] })
  const question = { question: '2 + 2 =', choices: ['3', '4'] }
  jsonl('unanswered.jsonl', { ...question, answer: 1 }, question)
  jsonl('wrong.jsonl', { ...question, answer: '5' })
  jsonl('long.jsonl', { question: 'q'.repeat(30), choices: ['a', 'b'], answer: 0 })
})
afterAll(() => cli.remove())

test('the table holds each kind of bad input', () => {
  expect(rows.map(({ input }) => input)).toHaveLength(11)
})

test.each(rows)('$input: holdfast $command', async ({ command, message }) => {
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
  const { code, stderr } = await cli.run([...words, '--quiet'], { cwd: folder })
  // Losses may differ in their last digits.
  const rough = (text: string) => text.replaceAll(/\d+\.\d+ (?=or|nats)/g, '# ')
  expect(stderr.trim().split('\n').map(rough)).toContain(rough(message))
  expect(code).toBe(message.startsWith('error') ? 1 : 0)
})
