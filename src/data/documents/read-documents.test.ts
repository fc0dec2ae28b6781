import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { byteTokenizer, chatMl } from '../../../test/byte-tokenizer.ts'
import type { TokenDocument } from './document.ts'
import { readDocuments, readMeasuredDocuments } from './index-files.ts'
import type { ReadDocumentsOptions } from './read-documents-files.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-documents-'))
let next = 0
/** A new folder with these files. */
function folder(files: Readonly<Record<string, string | readonly object[]>>): string {
  const place = join(root, String(next++))
  mkdirSync(place)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true })
    const text = typeof content === 'string' ? content : content.map((row) => JSON.stringify(row)).join('\n')
    writeFileSync(join(place, name), text)
  }
  return place
}

const tokenizer = byteTokenizer({ config: { chat_template: chatMl } })
const read = (path: string, options: ReadDocumentsOptions = {}) =>
  readDocuments(path, { tokenizer, ...options })
/** What counts, as text. */
const own = ({ ids, learned }: TokenDocument) =>
  tokenizer.decode(ids.filter((_, at) => (learned ? learned[at] === 1 : at > 0)))
const texts = (documents: readonly TokenDocument[] = []) => documents.map(({ ids }) => tokenizer.decode(ids))

describe('text files', () => {
  it('are a document each, in a folder and those in it, and what is not read is said', async () => {
    const place = folder({ 'b.txt': 'two\r\nlines', 'a.txt': 'one', 'deep/c.txt': 'three', 'notes.pdf': '' })
    const { train, notes } = await read(place)
    expect(texts(train)).toEqual(['one', 'two\nlines', 'three'])
    expect(train.map(({ place: file }) => file)).toEqual(
      ['a.txt', 'b.txt', 'deep/c.txt'].map((name) => join(place, name)),
    )
    expect(notes).toEqual([
      `${place}: files that are not .txt are not read: notes.pdf.`,
      `${join(place, 'b.txt')}: the line ends of Windows are read as plain ones.`,
    ])
  })

  it('are of the part that their folder or name says', async () => {
    const parts = await read(folder({ 'train/a.txt': 'one', 'test/b.txt': 'two' }))
    expect([texts(parts.train), texts(parts.test)]).toEqual([['one'], ['two']])
    const named = await read(folder({ 'train.txt': 'one', 'val.txt': 'two' }))
    expect([texts(named.train), texts(named.validation)]).toEqual([['one'], ['two']])
  })

  it('are parted at blank lines where that is asked for', async () => {
    const place = folder({ 'a.txt': 'first\nline\n\n  \nsecond\n\n\n' })
    expect(texts((await read(join(place, 'a.txt'))).train)).toEqual(['first\nline\n\n  \nsecond\n\n\n'])
    const { train } = await read(join(place, 'a.txt'), { paragraphs: true })
    expect(train.map(({ place: file }) => file.slice(-6))).toEqual(['line 1', 'line 5'])
    expect(texts(train)).toEqual(['first\nline', 'second'])
  })
})

describe('rows of tables', () => {
  const chat = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Oh' },
  ]
  it.each([
    ['text', { text: 'abc' }, 'bc'],
    ['messages', { messages: chat }, 'Oh<|im_end|>'],
    [
      'sharegpt',
      {
        conversations: [
          { from: 'human', value: 'Hi' },
          { from: 'gpt', value: 'Oh' },
        ],
      },
      'Oh<|im_end|>',
    ],
    ['alpaca', { instruction: 'Add', input: '', output: '2' }, '2<|im_end|>'],
    ['alpaca', { instruction: 'Add', context: '1 1', response: '2' }, '2<|im_end|>'],
    ['prompt-completion', { prompt: 'ab', completion: 'cd' }, 'cd<|end|>'],
    ['prompt-completion', { prompt: chat.slice(0, 1), completion: chat.slice(1) }, 'Oh<|im_end|>'],
  ])('are told by their fields: %s', async (format, row, expected) => {
    const place = folder({ 'train.jsonl': [row], 'test.jsonl': [row, row] })
    const { train, test, notes } = await read(place)
    expect(train.map(own)).toEqual([expected])
    expect(test).toHaveLength(2)
    expect(train[0]?.place).toBe(`${join(place, 'train.jsonl')}, line 1`)
    if (format === 'text') expect(notes).toEqual([])
    else expect(notes.join()).toContain(`train.jsonl: documents are read as ${format}, from `)
  })

  it('have plain line ends, and it is said once a file', async () => {
    const turns = [
      { role: 'user', content: [{ type: 'text', text: 'a\r\nb' }] },
      { role: 'assistant', content: 'c\r\nd' },
    ]
    const place = folder({
      'a.jsonl': [{ text: 'a\r\nb' }, { text: 'c\r\nd' }],
      'b.csv': 'prompt,completion\n"a\r\nb","c\r\nd"\n',
      'c.jsonl': [{ messages: turns }],
      'd.jsonl': [{ instruction: 'a\r\nb', input: 'e\r\n', output: 'c\r\nd' }],
    })
    for (const name of ['a.jsonl', 'b.csv', 'c.jsonl', 'd.jsonl']) {
      const said: string[] = []
      const file = join(place, name)
      const { train } = await read(file, { onNote: (note) => said.push(note) })
      const found = texts(train).join('')
      expect(found, name).not.toContain('\r')
      expect(found, name).toMatch(/a\nb.*c\nd/s)
      expect(said.filter((note) => note.includes('Windows'))).toEqual([
        `${file}: the line ends of Windows are read as plain ones.`,
      ])
    }
  })

  it('are read as asked where they could be read in several ways', async () => {
    const place = join(folder({ 'a.jsonl': [{ text: 'abc', messages: chat, body: 'xyz' }] }), 'a.jsonl')
    const found = await read(place)
    expect(found.train.map(own)).toEqual(['Oh<|im_end|>'])
    expect(found.notes[0]).toMatch(/read as messages, from messages; they could be read as text, too/)
    expect((await read(place, { documents: 'text' })).train.map(own)).toEqual(['bc'])
    expect((await read(place, { textColumn: 'body' })).train.map(own)).toEqual(['yz'])
  })
})

describe('what is wrong with documents', () => {
  it('is said with file and line', async () => {
    const failing = (rows: readonly object[] | string, options?: ReadDocumentsOptions) =>
      read(join(folder({ 'a.jsonl': rows }), 'a.jsonl'), options)
    await expect(failing([{ text: 'a b' }, { text: null }])).rejects.toThrow(
      /a.jsonl, line 2, field 'text': expected a text, found null/,
    )
    await expect(failing([{ body: 'a' }])).rejects.toThrow(
      /a.jsonl, line 1: expected documents: messages; .* there are body/,
    )
    await expect(failing([{ body: 'a' }], { documents: 'alpaca' })).rejects.toThrow(
      /as alpaca: instruction and output or response; there are body. Call the fields so, or read the data in another way \(documents\)\.$/,
    )
    await expect(failing([{ messages: 'Hi' }])).rejects.toThrow(
      /line 1, messages: expected a list of turns, found a string/,
    )
    const seen = { role: 'user', content: [{ type: 'text', text: 'Hi' }, { type: 'image_url' }] }
    await expect(failing([{ messages: [seen] }])).rejects.toMatchObject({
      code: 'chat-messages',
      message: expect.stringMatching(
        /line 1, messages, turn 1, content, part 2: expected .* found one of the type "image_url"/,
      ),
    })
    await expect(failing([{ messages: [{ role: 'user', content: 7 }] }])).rejects.toThrow(
      /turn 1, content: expected a text, or a list of text parts, found a number/,
    )
    await expect(failing([{ conversations: [{ from: 'martian', value: 'x' }] }])).rejects.toThrow(
      /line 1, conversations, turn 1: the turn is from "martian"; known are human/,
    )
    await expect(failing([{ text: 'ab' }, { text: 'ab' }], { maxBytes: 100 })).rejects.toThrow(
      /a.jsonl: the data do not fit into .*maxBytes/,
    )
  })

  it('is said where there is no tokenizer, no text, or no such file', async () => {
    const place = folder({ 'a.txt': 'abc', 'table.xlsx': '' })
    await expect(readDocuments(place, {})).rejects.toThrow(
      /there is no tokenizer for the texts\. Put tokenizer.json/,
    )
    await expect(read(join(place, 'table.xlsx'))).rejects.toThrow(
      /expected documents, a .txt, .* found a .xlsx file/,
    )
    await expect(read(folder({ 'table.xlsx': '' }))).rejects.toThrow(
      /expected text files .* found table.xlsx/,
    )
    await expect(read(folder({ 'test.txt': 'abc' }))).rejects.toThrow(
      /there is no split 'train'; there are test/,
    )
    await expect(read(folder({ 'a.txt': '' }))).rejects.toThrow(
      /train part: there is no document to learn from: 1 document \(.*a.txt\) is empty/,
    )
    await expect(read(join(folder({ 'a.jsonl': '' }), 'a.jsonl'))).rejects.toThrow(
      /expected one JSON object a line, found none/,
    )
  })

  it('is left out and said where only some documents teach nothing', async () => {
    const silent = { messages: [{ role: 'user', content: 'Hi' }] }
    const spoken = { messages: [...silent.messages, { role: 'assistant', content: 'Oh' }] }
    const place = folder({ 'train.jsonl': [spoken, silent, { messages: [] }, silent] })
    const { train, notes } = await read(place)
    expect(train).toHaveLength(1)
    expect(notes.at(-1)).toBe(
      `${place}, train part: 1 document (${join(place, 'train.jsonl')}, line 3) is empty, or a single token, which nothing is before; 2 documents (the first: ${join(place, 'train.jsonl')}, line 2) have no answer to learn. Left out with 20 tokens.`,
    )
  })
})

describe('documents to measure on', () => {
  const part = (text: string) => [{ text }]
  it('are the test part, else the validation part, else all; other parts are not read', async () => {
    const asked = { tokenizer }
    const both = folder({ 'train.jsonl': 'this is no JSON', 'test.jsonl': part('tested') })
    const { documents, part: name } = await readMeasuredDocuments(both, asked)
    expect([texts(documents), name]).toEqual([['tested'], 'test'])
    const only = folder({ 'validation.jsonl': part('looked at') })
    expect(texts((await readMeasuredDocuments(only, asked)).documents)).toEqual(['looked at'])
    const all = folder({ 'a.txt': 'one' })
    expect((await readMeasuredDocuments(all, asked)).part).toBe('train')
  })
})
