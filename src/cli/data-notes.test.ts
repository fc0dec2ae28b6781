import { expect, test } from 'vitest'
import { parsePlan } from '../train/plan/index.ts'
import { noteTasks, sayNotes } from './data-notes.ts'
import type { Screen } from './screen.ts'

test('notes that have been said are not said again, warnings neither', () => {
  const said: string[] = []
  const screen = { warn: (line: string) => void said.push(line) } as Partial<Screen> as Screen
  const before = { notes: ['one'], warnings: ['two'] }
  sayNotes(['one', 'warning: two', 'three', 'warning: four'], screen, before)
  expect(said).toEqual(['note: three', 'warning: four'])
})

test('a name or data that several tasks of a list have are told, each once', () => {
  const tasks = ['a', 'b', 'a', 'a'].map((name, at) => ({ name, source: at === 1 ? 'x' : `x${at % 2}` }))
  const said: string[] = []
  const screen = { warn: (line: string) => void said.push(line) } as Partial<Screen> as Screen
  noteTasks(parsePlan({ stream: { kind: 'list', tasks } }), screen)
  expect(said).toEqual(['note: several tasks are called a.', 'note: several tasks learn from x0.'])
})
