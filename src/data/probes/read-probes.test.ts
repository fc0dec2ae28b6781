import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { readProbes } from './read-probes-files.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-probes-'))
})

let files = 0
async function read(lines: readonly object[], name = `${files++}.jsonl`) {
  const path = join(folder, name)
  await writeFile(path, lines.map((line) => JSON.stringify(line)).join('\n'))
  return readProbes(path)
}

describe('probes', () => {
  it('are read in both forms from one file, with the right choice by number or text', async () => {
    const { probes } = await read([
      { question: 'Q?', choices: ['a', ' b'], answer: 1 },
      { id: 'two', prompt: 'P', choices: ['1', '0'], answer: '0', delimiter: '' },
      { id: 9, query: 'R ', choices: ['x', ' y'], answer: 'y' },
      { prompt: 'S', answer: ' yes\n' },
      { prompt: 'T', answer: 42 },
    ])
    expect(probes).toMatchObject([
      { kind: 'choice', id: '0', prompt: 'Q?', choices: ['a', ' b'], right: 1, delimiter: ' ' },
      { kind: 'choice', id: 'two', prompt: 'P', right: 1, delimiter: '' },
      { kind: 'choice', id: '9', prompt: 'R ', right: 1 },
      { kind: 'answer', id: '3', prompt: 'S', answer: 'yes' },
      { kind: 'answer', id: '4', prompt: 'T', answer: '42' },
    ])
  })

  it('are read from a list and from CSV', async () => {
    const list = join(folder, 'list.json')
    await writeFile(list, '[{"prompt": "a", "answer": "b"}]')
    expect((await readProbes(list)).probes).toMatchObject([{ prompt: 'a', answer: 'b', delimiter: ' ' }])
    const table = join(folder, 'table.csv')
    await writeFile(table, 'prompt,answer\n"2 + 2 =",4\n')
    expect((await readProbes(table)).probes).toMatchObject([{ prompt: '2 + 2 =', answer: '4' }])
  })

  const choices = ['yes', 'no']
  it.each<[string, object, string, RegExp]>([
    ['no prompt', { text: 'x', answer: 'y' }, 'field-missing', /question, prompt, query; there are/],
    ['a prompt that is no text', { prompt: 7, answer: 'y' }, 'field-type', /expected a text, found 7/],
    ['no answer', { prompt: 'x', choices }, 'probe-answer-missing', /does not say the right answer/],
    ['a null answer', { prompt: 'x', choices, answer: null }, 'probe-answer-missing', /"answer"/],
    ['an empty exact answer', { prompt: 'x', answer: ' ' }, 'probe-answer-missing', /answer is empty/],
    [
      'a number beyond',
      { prompt: 'x', choices, answer: 2 },
      'probe-answer-unknown',
      /answer 2 .*from 0 to 1/,
    ],
    ['a negative number', { prompt: 'x', choices, answer: -1 }, 'probe-answer-unknown', /from 0 to 1/],
    ['half a number', { prompt: 'x', choices, answer: 0.5 }, 'probe-answer-unknown', /0\.5/],
    [
      'a text that is no choice',
      { prompt: 'x', choices, answer: 'A' },
      'probe-answer-unknown',
      /"A".*"yes", "no"/,
    ],
    ['an answer that is a list', { prompt: 'x', choices, answer: ['yes'] }, 'field-type', /a list of 1/],
    ['an empty choice', { prompt: 'x', choices: ['a', ' '], answer: 0 }, 'probe-choice-empty', /choice 1/],
    ['a choice that is no text', { prompt: 'x', choices: ['a', 2], answer: 0 }, 'field-type', /choice 1/],
    ['one choice', { prompt: 'x', choices: ['a'], answer: 0 }, 'probe-choices', /found 1 choice/],
    ['a choice twice', { prompt: 'x', choices: ['a', 'a'], answer: 0 }, 'probe-choices', /"a" twice/],
    ['choices that are no list', { prompt: 'x', choices: 'a|b', answer: 0 }, 'field-type', /a list of texts/],
    ['an id twice', { id: '0', prompt: 'x', answer: 'y' }, 'probe-duplicate', /line 1/],
  ])('with %s are refused, with the line', async (_, row, code, text) => {
    const name = `${files++}.jsonl`
    const error = await read([{ prompt: 'first', answer: 'fine' }, row], name).catch(
      (found: unknown) => found,
    )
    expect(error).toMatchObject({ code, message: expect.stringMatching(text) })
    expect(error).toMatchObject({ message: expect.stringContaining(`${name}, line 2`) })
  })

  it('in a file of another kind, or without one, are refused', async () => {
    await writeFile(join(folder, 'probes.txt'), 'x')
    await expect(readProbes(join(folder, 'probes.txt'))).rejects.toMatchObject({ code: 'probes-format' })
    await writeFile(join(folder, 'none.jsonl'), '\n')
    await expect(readProbes(join(folder, 'none.jsonl'))).rejects.toMatchObject({ code: 'json-row' })
  })
})
