import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { float32 } from '../tensor/tensor.ts'
import { readDataset } from './files.ts'
import type { ReadOptions } from './read-options.ts'
import { columnsOf, inColumnsOf } from './same-columns.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-tables-'))
})
afterAll(() => rm(root, { recursive: true }))

let count = 0
/** A file or files in a folder of their own; the path of the folder, or of the only file. */
async function put(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = join(root, String(count++))
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
  const names = Object.keys(files)
  return names.length === 1 && names[0] ? join(folder, names[0]) : folder
}

const csv = (text: string) => put({ 'a.csv': text })
const jsonl = (...rows: object[]) =>
  put({ 'a.jsonl': rows.map((row) => `${JSON.stringify(row)}\n`).join('') })

/** The training part, and its notes without the folder. */
async function read(path: string | Promise<string>, options: ReadOptions = {}) {
  const place = await path
  const { train, notes = [] } = await readDataset(place, options)
  return {
    train,
    rows: Array.from(train.inputs.data as ArrayLike<unknown>),
    labels: Array.from(train.labels.data, (label) => train.classes[label]),
    notes: notes.map((note) => note.replaceAll(`${root}/`, '').replace(/^\d+\//, '')),
  }
}

test('a number that float32 does not hold is refused where it stands', async () => {
  const message = (path: Promise<string>) =>
    read(path, { labelColumn: 'label' }).then(
      () => '',
      ({ code, message: said }) => `${code}: ${said.replace(/.*\//, '')}`,
    )
  const rest = 'is larger than a float32 holds (some 3.4e38). Correct the number, or take the row out.'
  expect(await message(csv('u,v,label\n1,2,a\n3,1e39,b\n'))).toBe(
    `number-too-large: a.csv, line 3, column 'v': 1e39 ${rest}`,
  )
  expect(await message(jsonl({ u: 1, label: 'a' }, { u: -1e39, label: 'b' }))).toBe(
    `number-too-large: a.jsonl, line 2, field 'u': -1e+39 ${rest}`,
  )
  expect(await message(jsonl({ x: [[1], [1e39]], label: 'a' }))).toContain("line 1, field 'x': ")
  expect((await read(csv('u,v,label\n1,3.4e38,a\n'))).rows).toHaveLength(2)
})

test('fields of JSON keep the order of the first row, or that of their numbers, and it is said', async () => {
  const named = await read(jsonl({ width: 1, height: 2, label: 'a' }, { label: 'b', height: 4, width: 3 }))
  expect(named.rows).toEqual([1, 2, 3, 4])
  expect(named.notes).toEqual([
    'a.jsonl: the model reads the 2 fields in this order, as in the first row: width, height. If it wants another, name them in its order (featureColumns).',
  ])
  // As a writer that sorts its keys has it: f1, f10, f11, f12, f2, ...
  const names = Array.from({ length: 12 }, (_, at) => `f${at + 1}`)
  const row = Object.fromEntries([...names].sort().map((name) => [name, Number(name.slice(1))]))
  const numbered = await read(jsonl({ ...row, label: 'a' }))
  expect(numbered.rows).toEqual(names.map((_, at) => at + 1))
  expect(numbered.notes[0]).toContain('by the numbers in their names: f1, f2, f3')
  const asked = await read(jsonl({ a: 1, b: 2, label: 'x' }), { featureOrder: ['b', 'a'] })
  expect(asked.rows).toEqual([2, 1])
})

test('a field that the first row lacks is read, true and false are 1 and 0, and what holds no numbers is named', async () => {
  const found = await read(
    jsonl({ a: null, c: true, note: 'x', label: 'p' }, { a: 1, b: 2, c: false, label: 'q' }).catch(() => ''),
  ).catch((error: Error) => error.message)
  expect(found).toContain("a.jsonl, line 1, field 'a': expected a number, found null")
  const whole = await read(jsonl({ c: true, note: 'x', label: 'p' }, { c: false, note: 'y', label: 'q' }))
  expect(whole.rows).toEqual([1, 0])
  expect(whole.notes).toContain('a.jsonl: left out, as they hold no numbers: note.')
  await expect(read(jsonl({ a: 1, label: 'p' }, { a: 2, b: 3, label: 'q' }))).rejects.toThrow(
    "line 1, field 'b': expected a number, found no such field",
  )
})

test('fields are not what every object has', async () => {
  await expect(read(jsonl({ toString: 1, label: 'a' }, { label: 'b' }))).rejects.toThrow(
    "field 'toString': expected a number, found no such field",
  )
})

test('a list of objects, objects by columns, JSON that is packed', async () => {
  const rows = [
    { x: 1, label: 'a' },
    { x: 2, label: 'b' },
  ]
  for (const text of [JSON.stringify(rows), JSON.stringify(rows, null, 2)]) {
    expect((await read(put({ 'a.json': text }))).rows).toEqual([1, 2])
  }
  const columns = { x: { 0: 1, 1: 2 }, label: { 0: 'a', 1: 'b' } }
  await expect(read(put({ 'a.json': JSON.stringify(columns) }))).rejects.toThrow("to_json(orient='records'")
  await expect(read(put({ 'a.json': '[{"x": 1}, 7]' }))).rejects.toThrow('entry 1: expected a JSON object')
  await expect(read(put({ 'a.jsonl': '{"x": NaN, "label": 1}\n' }))).rejects.toThrow(
    'NaN and Infinity are not JSON',
  )
  const packed = gzipSync('{"x": 5, "label": "a"}\n')
  expect((await read(put({ 'a.jsonl.gz': packed }))).rows).toEqual([5])
  const split = await put({ 'train.csv.gz': gzipSync('x,label\n1,a\n'), 'test.csv': 'x,label\n2,a\n' })
  expect((await readDataset(split)).test?.inputs).toEqual(float32([1, 1], [2]))
})

test('columns parted by a semicolon, tab or bar; decimal commas; what Excel writes first', async () => {
  for (const [text, note] of [
    ['a;b;label\n1.5;2;x\n', "a.csv: ';' parts the columns."],
    ['a\tb\tlabel\r\n1.5\t2\tx\r\n', 'a.csv: a tab parts the columns.'],
    ['sep=;\r\na;b;label\r\n1,5;2;x\r\n', "a.csv: ';' parts the columns, as its first line says."],
    ['a;b;label\n1,5;2;x\n', 'a.csv: numbers have a decimal comma.'],
  ] as const) {
    const { rows, notes } = await read(csv(text))
    expect([text, rows]).toEqual([text, [1.5, 2]])
    expect(notes).toContain(note)
  }
  await expect(read(csv('a;label\n1,234;x\n'))).rejects.toMatchObject({ code: 'csv-decimal' })
  expect((await read(csv('a;label\n1,234;x\n'), { decimal: ',' })).rows[0]).toBeCloseTo(1.234)
  await expect(read(csv('a,label\n"1,234.5",x\n'))).rejects.toThrow(
    'Write numbers without separators of thousands',
  )
  expect((await read(csv('a#label\n1#x\n'), { delimiter: '#' })).rows).toEqual([1])
})

test('line ends of any kind, blank lines, quoted newlines, empty rows and one delimiter too many', async () => {
  const mixed = await read(csv('\uFEFFx,label\r\n1,a\n\n2,b\r3,"c\nd"\r\n,\n'))
  expect([mixed.rows, mixed.labels]).toEqual([
    [1, 2, 3],
    ['a', 'b', 'c\nd'],
  ])
  expect(mixed.notes).toEqual(['a.csv: 1 line without any content is passed over.'])
  const trailing = await read(csv('x,label\n1,a,\n2,b,\n'))
  expect(trailing.rows).toEqual([1, 2])
  expect(trailing.notes).toEqual(["a.csv: 2 rows end with ',' too many, which is passed over."])
  expect((await read(csv('x,label,\n1,a,\n2,b,\n'))).rows).toEqual([1, 2])
})

test('a quote behind a space is read; one within a cell is an error of syntax with its place', async () => {
  const spaced = await read(csv('text, label\n"w0 w2", "billing"\n"w1", "travel"\n'))
  expect([spaced.rows, spaced.labels]).toEqual([
    ['w0 w2', 'w1'],
    ['billing', 'travel'],
  ])
  expect(spaced.notes).toEqual(['a.csv: spaces around quoted cells are passed over.'])
  const within = await read(csv('x,label\n1,a"b\n')).catch((error: unknown) => error)
  expect(within).toMatchObject({ code: 'csv-syntax', message: expect.stringContaining('line 2') })
  await expect(read(csv('x,label\n1,a,b\n'))).rejects.toThrow(
    "line 2: expected 2 cells as in the header, found 3. A cell that holds ',' has to stand in quotes.",
  )
  await expect(read(csv('x,label\n"r1",1,a\n'))).rejects.toThrow('as R writes it')
})

test('a header that names a column twice, or not at all', async () => {
  await expect(read(csv('x,x,label\n1,2,a\n'))).rejects.toThrow("columns 1 and 2 are both called 'x'")
  await expect(read(csv('x,,label\n1,2.5,a\n'))).rejects.toThrow('column 2 has no name')
  // As in a well-known file of messages: empty columns without names do no harm.
  const texts = await read(csv('label,text,,\nham,hello,,\nspam,"win, now",,\n'))
  expect(texts.rows).toEqual(['hello', 'win, now'])
})

test('columns that count the rows are left out, and that is said', async () => {
  for (const header of ['', 'Unnamed: 0', 'id', 'index']) {
    const { rows, notes } = await read(csv(`${header},x,label\n0,5,a\n1,6,b\n2,7,a\n`))
    expect([header, rows]).toEqual([header, [5, 6, 7]])
    expect(notes[0]).toMatch(/counts the rows, and is left out/)
  }
  // A column that merely is called so, and holds other numbers, is read; pandas' own never is.
  expect((await read(csv('index,x,label\n4,5,a\n9,6,b\n1,7,a\n'))).rows).toEqual([4, 5, 9, 6, 1, 7])
  expect((await read(csv('Unnamed: 0,x,label\n4,5,a\n9,6,b\n'))).rows).toEqual([5, 6])
  expect((await read(csv('key,x,label\n4,5,a\n9,6,b\n'), { idColumn: 'key' })).rows).toEqual([5, 6])
  const width = await read(csv('customer_id,x,label\n7,5,a\n3,6,b\n'), { width: 1 })
  expect(width.rows).toEqual([5, 6])
  expect(width.notes[0]).toContain('customer_id')
  await expect(read(csv('u,x,label\n7,5,a\n3,6,b\n'), { width: 1 })).rejects.toThrow(
    'the model reads 1 number a row, but the file has 2: u, x. Name those to learn from',
  )
  const parquet = parquetWriteBuffer({
    columnData: [
      { name: 'x', data: [5, 6], type: 'DOUBLE' },
      { name: 'label', data: ['a', 'b'], type: 'STRING' },
      { name: '__index_level_0__', data: [3n, 9n], type: 'INT64' },
    ],
  })
  const indexed = await read(put({ 'a.parquet': new Uint8Array(parquet) }))
  expect(indexed.rows).toEqual([5, 6])
  expect(indexed.notes[0]).toContain('__index_level_0__')
})

test('labels: 1.0 is 1 in every format, true is true, a word for nothing is named', async () => {
  const floats = parquetWriteBuffer({
    columnData: [
      { name: 'x', data: [5, 6], type: 'DOUBLE' },
      { name: 'label', data: [1, 0], type: 'DOUBLE' },
    ],
  })
  for (const path of [
    csv('x,label\n5,1.0\n6,0.0\n'),
    csv('x,label\n5,1\n6,0.0\n'),
    jsonl({ x: 5, label: 1.0 }, { x: 6, label: 0 }),
    jsonl({ x: 5, label: '1' }, { x: 6, label: '0' }),
    put({ 'a.parquet': new Uint8Array(floats) }),
  ]) {
    expect((await read(path)).labels).toEqual(['1', '0'])
  }
  expect((await read(csv('x,label\n5,1.0\n'), { kind: 'classification' })).labels).toEqual(['1.0'])
  const nothing = await read(csv('x,label\n5,a\n6,NaN\n'))
  expect(nothing.notes[0]).toContain("'NaN' among the labels is taken for the name of a class")
  for (const path of [csv('x,label\n5,true\n'), jsonl({ x: 5, label: true })]) {
    expect((await read(path)).labels).toEqual(['true'])
  }
  expect((await read(csv('x,y,label\n5,True,a\n6,FALSE,b\n'))).rows).toEqual([5, 1, 6, 0])
})

test('a semicolon in the name of a class is part of it, unless its parts are labels too', async () => {
  const names = await read(csv('x,label\n1,blue; sky\n2,red\n'))
  expect(names.labels).toEqual(['blue; sky', 'red'])
  expect(names.notes[0]).toContain("labels such as 'blue; sky' are taken for the name of one class")
  const both = csv('x,label\n1,a\n2,b\n3,a; b\n')
  await expect(read(both)).rejects.toThrow(
    "line 4: label 'a; b' may be several classes, as a and b are labels of other rows",
  )
  expect((await read(both, { kind: 'classification' })).train.classes).toEqual(['a', 'a; b', 'b'])
  expect((await read(both, { classes: ['a', 'b', 'a; b'] })).labels).toEqual(['a', 'b', 'a; b'])
})

test('competitions: images named without extension in a folder beside the table, a test part without labels', async () => {
  const dot = (colour: string) =>
    sharp({ create: { width: 2, height: 2, channels: 3, background: colour } })
      .png()
      .toBuffer()
  const files = {
    'train_images/a1.png': await dot('#fff'),
    'train_images/a2.png': await dot('#000'),
    'test_images/b1.png': await dot('#000'),
    'train.csv': 'image_id,label\na1,light\na2,dark\n',
    'test.csv': 'image_id\nb1\n',
  }
  const found = await read(put(files))
  expect([found.rows[0], found.rows[12], found.labels]).toEqual([255, 0, ['light', 'dark']])
  expect(found.notes).toEqual([
    expect.stringContaining('there is no column of labels as in'),
    "train.csv: column 'image_id' names the images.",
    expect.stringMatching(/its images are taken from .*train_images\.$/),
  ])
  const other = put({ ...files, 'train.csv': 'picture,label\na1,light\n' })
  expect((await read(other, { imageColumn: 'picture' })).labels).toEqual(['light'])
  const missing = put({ ...files, 'train.csv': 'picture,label\nzz,light\n' })
  await expect(read(missing, { imageColumn: 'picture' })).rejects.toThrow(
    "train.csv, line 2: there is no image 'zz', with or without an extension, in",
  )
  // A test part that was asked for by name is an error without labels.
  await expect(readDataset(await put(files), { split: 'test' })).rejects.toMatchObject({
    code: 'column-missing',
  })
})

test('encodings: a byte order mark tells, anything else but UTF-8 is asked for', async () => {
  const latin = Buffer.from('x,label\n1,café\n', 'latin1')
  await expect(read(put({ 'a.csv': latin }))).rejects.toMatchObject({ code: 'text-encoding' })
  expect((await read(put({ 'a.csv': latin }), { encoding: 'windows-1252' })).labels).toEqual(['café'])
  // Of several files some may be UTF-8.
  const plain = put({ 'a.csv': 'x,label\n1,café\n' })
  expect((await read(plain, { encoding: 'windows-1252' })).labels).toEqual(['café'])
  const line = '{"x": 1, "label": "café"}\n'
  await expect(read(put({ 'a.jsonl': Buffer.from(line, 'latin1') }))).rejects.toThrow('line 1, byte')
  const wide = Buffer.from(`\uFEFF${line}`, 'utf16le')
  expect((await read(put({ 'a.jsonl': wide }))).labels).toEqual(['café'])
})

test('the same columns in another order are read in the order of the data before', async () => {
  const before = await readDataset(await csv('a,b,label\n1,2,x\n'))
  const read = async (path: Promise<string>) => {
    const place = await path
    return inColumnsOf(columnsOf(before), {}, (options) => readDataset(place, options))
  }
  const turned = await read(jsonl({ b: 4, a: 3, label: 'x' }))
  expect(turned.train.inputs).toEqual(float32([1, 2], [3, 4]))
  expect(turned.notes?.[0]).toContain('its columns stand in another order than those of')
  await expect(read(jsonl({ b: 4, c: 3, label: 'x' }))).rejects.toMatchObject({ code: 'columns-differ' })
})
