import { expect, it } from 'vitest'
import { demoBench } from '../../test/demo-bench.ts'
import { reportMarkdown } from './markdown.ts'

it('writes the headline and one table a scenario', () => {
  const text = reportMarkdown(demoBench({ scenarios: ['class'], seeds: 2 }))
  expect(text).toMatch(
    /^# Fine-tuning forgot \d+ of its \d+ points on “0, 1”, the first task; replay kept \d+\.\n/,
  )
  expect(text).toContain('> **Synthetic data.**')
  const rows = text.split('\n').filter((line) => line.startsWith('| '))
  const table = rows.slice(0, 7)
  expect(new Set(table.map((row) => row.split('|').length)).size).toBe(1)
  expect(table.map((row) => row.split(' | ')[0])).toEqual(
    ['Method', '---', 'Fine-tuning', 'EWC', 'LwF', 'Replay', 'Joint training'].map((name) => `| ${name}`),
  )
})

it('keeps names from breaking the table', () => {
  const bench = demoBench({ scenarios: ['task'], seeds: 1 })
  const text = reportMarkdown({ ...bench, settings: { 'a|b': 'x\n<b>' } })
  expect(text).toContain('| a\\|b | x \\<b\\> |')
})
