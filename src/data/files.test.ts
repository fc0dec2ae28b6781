import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeNpy, writeNpz } from '../tensor/npy.ts'
import { float32, int64 } from '../tensor/tensor.ts'
import { readDataset } from './files.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-files-'))
})
afterAll(() => rm(root, { recursive: true }))

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}

const idxImages = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4)
const idxLabels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 0)

test('a folder of IDX files, packed or not, and one that is incomplete', async () => {
  await put('idx/train-images-idx3-ubyte.gz', gzipSync(idxImages))
  await put('idx/train-labels-idx1-ubyte', idxLabels)
  await put('idx/t10k-images.idx3-ubyte', idxImages)
  await expect(readDataset(join(root, 'idx'))).rejects.toThrow('but t10k-labels-idx1-ubyte is not there')
  await put('idx/t10k-labels-idx1-ubyte.gz', gzipSync(idxLabels))
  const { train, test } = await readDataset(join(root, 'idx'))
  expect(train.name).toBe('idx')
  expect(train.inputs).toEqual({ type: 'uint8', dims: [2, 1, 1, 2], data: Uint8Array.of(1, 2, 3, 4) })
  expect(test?.inputs).toEqual(train.inputs)
  await put('idx/train-images-idx3-ubyte.gz', gzipSync(idxImages).subarray(0, 20))
  await expect(readDataset(join(root, 'idx'))).rejects.toMatchObject({ code: 'gzip-damaged' })
})

test('CSV: features, and classes sorted by code point', async () => {
  const path = await put('pets.csv', 'x,label,y\n1,dog,2\n"3",cat,4.5\n')
  const { train } = await readDataset(path)
  expect(train).toMatchObject({ name: 'pets', classes: ['cat', 'dog'] })
  expect(train.inputs).toEqual(float32([2, 2], [1, 2, 3, 4.5]))
  expect(Array.from(train.labels.data)).toEqual([1, 0])
  const ordered = await readDataset(path, { classes: ['dog', 'cat', 'fish'] })
  expect(Array.from(ordered.train.labels.data)).toEqual([0, 1])
})

test('CSV: classes are the labels that there are, also where these are numbers; without a header; targets', async () => {
  const numbered = await put('numbered.csv', 'a,Class\n0.5,2\n1,0\n')
  expect((await readDataset(numbered)).train).toMatchObject({
    classes: ['0', '2'],
    labels: { data: Int32Array.of(1, 0) },
  })
  const bare = await put('bare.csv', '5,1\n6,0\n')
  await expect(readDataset(bare)).rejects.toMatchObject({ code: 'csv-header' })
  const { train } = await readDataset(bare, { header: false, labelColumn: '1' })
  expect(train.inputs).toEqual(float32([2, 1], [5, 6]))
  const targets = await readDataset(await put('t.csv', 'x,u,v\n1,2,3\n4,5,6\n'), {
    targetColumns: ['v', 'u'],
  })
  expect(targets.train).toMatchObject({
    classes: [],
    labels: float32([2, 2], [3, 2, 6, 5]),
    inputs: float32([2, 1], [1, 4]),
  })
})

test('CSV: errors name line, column, what was expected and what was found', async () => {
  const bad = await put('bad.csv', 'x,label\n1,a\n\n?,b\n')
  await expect(readDataset(bad)).rejects.toThrow(`${bad}, line 4, column 'x': expected a number, found '?'`)
  await expect(readDataset(await put('ragged.csv', 'x,label\n1\n'))).rejects.toMatchObject({
    code: 'csv-syntax',
  })
  await expect(readDataset(await put('none.csv', 'x,y\n1,2\n'))).rejects.toThrow('there are x, y')
  await expect(readDataset(await put('hole.csv', 'x,label\n1,a\n2,\n'))).rejects.toThrow(
    'line 3: the label is empty',
  )
  const rowNumbers = Array.from({ length: 100_001 }, (_, row) => `1,${row}`).join('\n')
  await expect(readDataset(await put('ids.csv', `x,label\n${rowNumbers}\n`))).rejects.toMatchObject({
    code: 'label-too-many',
  })
  await expect(readDataset(bad, { textColumn: 'x', classes: ['a'] })).rejects.toThrow(
    "line 4: label 'b' is not the one class",
  )
})

test('texts with labels, in parts that share their classes', async () => {
  await put('intents/train.jsonl', '{"text": "hi", "label": "hello"}\n{"text": "see you", "label": "bye"}\n')
  await put('intents/val.jsonl', '{"text": "so long", "label": "bye"}')
  await put('intents/test.jsonl', '{"text": "thanks", "label": "thank"}\n')
  const { train, validation, test } = await readDataset(join(root, 'intents'))
  expect(train.inputs).toEqual({ type: 'string', dims: [2], data: ['hi', 'see you'] })
  expect(train.classes).toEqual(['bye', 'hello', 'thank'])
  expect([train, validation, test].map((part) => Array.from(part?.labels.data ?? []))).toEqual([
    [1, 0],
    [0],
    [2],
  ])
})

test('JSON Lines: nested arrays, numeric fields, and errors with the line', async () => {
  const nested = await readDataset(
    await put('n.jsonl', '{"x": [[1, 2]], "label": 1}\n{"x": [[3, 4]], "label": 0}\n'),
  )
  expect(nested.train.inputs).toEqual(float32([2, 1, 2], [1, 2, 3, 4]))
  const fields = await readDataset(await put('f.jsonl', '{"b": 1, "a": 2, "label": true}\n'))
  expect(fields.train).toMatchObject({ inputs: float32([1, 2], [1, 2]), classes: ['true'] })
  const cases: [string, string][] = [
    [
      '{"x": [1], "label": 0}\n{"x": [1, 2], "label": 0}',
      "line 2, field 'x': expected dims [1] as in the first row, found 2 values",
    ],
    [
      '{"x": [1], "label": 0}\n\n{"x": ["a"], "label": 0}',
      'line 3, field \'x\': expected numbers, found "a"',
    ],
    [
      '{"x": [1], "label": 0}\n{"x": [1]}',
      "line 2, field 'label': expected a text or number as label, found no such field",
    ],
    ['{"x": [1], "label": 0}\n{"x"', 'line 2: expected one JSON object, found text that is not JSON'],
    ['[1]', 'entry 0: expected a JSON object'],
    ['{"x": [1]}', 'no field is called label'],
  ]
  for (const [content, message] of cases)
    await expect(readDataset(await put('e.jsonl', content))).rejects.toThrow(message)
})

test('npy pairs in a folder, npz with train and test', async () => {
  await put('npy/x.npy', writeNpy({ type: 'float64', dims: [2, 1], data: Float64Array.of(1, 2) }))
  await expect(readDataset(join(root, 'npy'))).rejects.toThrow('there is x, but not y')
  await put('npy/y.npy', writeNpy(int64([2], [1, 0])))
  const { train } = await readDataset(join(root, 'npy'))
  expect(train).toMatchObject({
    inputs: float32([2, 1], [1, 2]),
    classes: ['0', '1'],
    labels: { data: Int32Array.of(1, 0) },
  })
  const arrays = new Map([
    ['x_train', float32([2, 2], [1, 2, 3, 4])],
    ['y_train', float32([2, 2], [0.5, 0, 0, 1])],
    ['x_test', float32([1, 2], [5, 6])],
    ['y_test', float32([1, 2], [1, 1])],
  ])
  const zipped = await readDataset(await put('all.npz', writeNpz(arrays)))
  expect(zipped.train.labels).toEqual(float32([2, 2], [0.5, 0, 0, 1]))
  expect(zipped.test?.inputs).toEqual(float32([1, 2], [5, 6]))
})

async function putImage(name: string, width: number, height: number, colour: string): Promise<void> {
  await put(
    name,
    await sharp({ create: { width, height, channels: 3, background: colour } })
      .png()
      .toBuffer(),
  )
}

test('image folders: channel planes, grey, resizing, and files that do not belong', async () => {
  await putImage('img/train/red/1.png', 2, 2, '#ff0000')
  await putImage('img/train/blue/1.png', 2, 2, '#0000ff')
  await putImage('img/test/blue/9.png', 2, 2, '#0000ff')
  await put('img/train/red/.hidden', 'x')
  const { train, test } = await readDataset(join(root, 'img'))
  expect(train).toMatchObject({ classes: ['blue', 'red'], preprocessing: { scale: 1 / 255 } })
  expect(train.inputs.dims).toEqual([2, 3, 2, 2])
  expect(Array.from(train.inputs.data as Uint8Array)).toEqual([
    ...[0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255],
    ...[255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0],
  ])
  expect(test?.labels.data).toEqual(Int32Array.of(0))
  const grey = await readDataset(join(root, 'img'), { channels: 1, resize: { height: 3, width: 4 } })
  expect(grey.train.inputs.dims).toEqual([2, 1, 3, 4])
  await putImage('img/train/red/2.png', 3, 2, '#ff0000')
  await expect(readDataset(join(root, 'img'))).rejects.toThrow('this image is 3 x 2 pixels')
  await put('img/train/red/2.png', 'not an image')
  await expect(readDataset(join(root, 'img'))).rejects.toMatchObject({ code: 'image-unreadable' })
  await put('img/train/red/notes.txt', 'x')
  await expect(readDataset(join(root, 'img'))).rejects.toThrow('notes.txt: expected only images')
})

test('a folder of classes without parts is all training data', async () => {
  await putImage('flat/a/1.png', 2, 2, '#fff')
  const { train, test } = await readDataset(join(root, 'flat'))
  expect(train.classes).toEqual(['a'])
  expect(test).toBeUndefined()
})

test('what is no data is refused', async () => {
  await expect(readDataset(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'data-missing' })
  await expect(readDataset(await put('a.xyz', ''))).rejects.toThrow('found a .xyz file')
  await mkdir(join(root, 'void'))
  await expect(readDataset(join(root, 'void'))).rejects.toThrow('found nothing')
})

const real = process.env.HOLDFAST_DATA
test.runIf(real && existsSync(join(real, 'cifar10-subset')))('JPEG photographs', async () => {
  const { train } = await readDataset(join(real ?? '', 'cifar10-subset/test'))
  expect(train.inputs.dims).toEqual([1000, 3, 32, 32])
  expect(train.classes).toHaveLength(10)
})
