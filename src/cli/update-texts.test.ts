import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { byteTokenizerFiles } from '../../test/byte-tokenizer.ts'
import { stepBytes, wideLanguage } from '../../test/wide-language.ts'
import { modelFromOnnx } from '../model/import/index.ts'
import { withTokenClasses } from '../model/language.ts'
import type { TextPreflight } from '../update/texts/index.ts'
import { textLadder } from '../update/texts/text-rungs.ts'
import { openScreen } from './screen.ts'
import { openVerb } from './verbs.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-update-memory-'))
afterAll(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

test('an update names the rungs alone that memory has room for', async () => {
  const file = wideLanguage(260)
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles({ config: { model_max_length: 8 } })
  const texts = (count: number, word: string) =>
    Array.from({ length: count }, (_, at) => `${JSON.stringify({ text: `${word} ${at}` })}\n`).join('')
  for (const [name, content] of [
    ['model.onnx', file],
    ['tokenizer.json', tokenizer],
    ['tokenizer_config.json', tokenizerConfig],
    ['old.jsonl', texts(20, 'old')],
    ['new.jsonl', texts(10, 'new')],
  ] as const) {
    writeFileSync(join(folder, name), content)
  }
  const model = withTokenClasses(modelFromOnnx(file))
  const [low = 0, whole = 0] = textLadder({ model }).map((rung) =>
    stepBytes(model, rung, { batch: 2, sequence: 8 }),
  )
  expect(whole).toBeGreaterThan(1.2 * low)
  vi.spyOn(process, 'constrainedMemory').mockReturnValue((low + whole) / 2)
  const verb = await openVerb('update')
  const words = `${join(folder, 'model.onnx')} --new ${join(folder, 'new.jsonl')} --old ${join(folder, 'old.jsonl')}`
  const asked = `${words} --batch 2 --max-length 8 --threads 1 --seed 1 --dry-run`.split(' ')
  const screen = openScreen({ quiet: true })
  const { signal } = new AbortController()
  const { json, text } = await verb.read(asked).run({ screen, signal, command: '', words: asked })
  const { rungs, cost, warnings } = json as TextPreflight
  expect(rungs).toEqual(['low-rank updates'])
  expect(cost?.trials.map(({ rung }) => rung)).toEqual(rungs)
  expect(warnings.at(-1)).toMatch(/^Low-rank updates alone: everything would take /)
  expect(text).not.toContain('low-rank updates, then everything')
})
