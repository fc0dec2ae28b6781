import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parsePlan } from './plan.ts'
import { loadPlan } from './plan-files.ts'

test('a new vocabulary is of the first task’s texts, or of all tasks’', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-words-'))
  const rows = (label: string, words: string) =>
    words.split(' ').map((word) => JSON.stringify({ text: `please ${word}`, label }))
  const lines = [...rows('a', 'one two three four five'), ...rows('b', 'six seven eight nine ten eleven')]
  const source = join(folder, 'intents.jsonl')
  await writeFile(source, `${lines.join('\n')}\n`)
  const words = async (groupOrderSeed: number, from: 'first' | 'all' | undefined) => {
    const { beside } = await loadPlan(
      parsePlan({
        data: { source, vocabulary: { from } },
        stream: { kind: 'split', groups: [['a'], ['b']], groupOrderSeed },
        model: { kind: 'transformer' },
      }),
      { wholeTrain: true },
    )
    return beside.get('tokenizer.json')
  }
  const [first, all] = [await words(0, undefined), await words(0, 'all')]
  expect(first).toContain('five')
  expect(first).not.toContain('eleven')
  expect(all).toContain('five')
  expect(all).toContain('eleven')
  expect(await words(0, 'first')).toBe(first)
  // Whichever task comes first.
  for (const seed of [1, 2, 3]) expect(await words(seed, 'all')).toBe(all)
})
