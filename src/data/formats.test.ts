import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type ColumnSource, parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeNpz } from '../tensor/npy.ts'
import { writeSafetensors } from '../tensor/safetensors.ts'
import { float32, int64, type Tensor } from '../tensor/tensor.ts'
import { concatenate, type Dataset, ignoredLabel, samples } from './dataset.ts'
import { readDataset, streamRows } from './files.ts'
import { fingerprint } from './fingerprint.ts'
import { readInputFiles } from './sidecar-files.ts'
import { createTokenizer } from './text/tokens.ts'
import { wordVocabulary } from './text/vocabulary.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-formats-'))
})
afterAll(() => rm(root, { recursive: true }))

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}

const putParquet = (name: string, columnData: ColumnSource[], features?: object, rowGroupSize = 2) =>
  put(
    name,
    new Uint8Array(
      parquetWriteBuffer({
        columnData,
        rowGroupSize,
        ...(features && {
          kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }],
        }),
      }),
    ),
  )

const png = (colour: string, width = 2, height = 2): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: colour } })
    .png()
    .toBuffer()

const lines = (...rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

async function collect(path: string, options: Parameters<typeof streamRows>[1]): Promise<Dataset[]> {
  const chunks: Dataset[] = []
  for await (const chunk of streamRows(path, options)) chunks.push(chunk)
  return chunks
}

const classLabel = { names: ['zebra', 'ant'], _type: 'ClassLabel' }

test('Parquet of the datasets library: images in cells, classes by their order in the metadata, shards', async () => {
  const [red, blue] = [new Uint8Array(await png('#f00')), new Uint8Array(await png('#00f'))]
  const shard = (images: Uint8Array[], labels: bigint[]): ColumnSource[] => [
    { name: 'img', data: images, type: 'BYTE_ARRAY' },
    { name: 'label', data: labels, type: 'INT64' },
  ]
  const features = { img: { _type: 'Image' }, label: classLabel }
  await putParquet('hub/data/train-00000-of-00002.parquet', shard([red, blue, red], [1n, 0n, 1n]), features)
  await expect(readDataset(join(root, 'hub'))).rejects.toThrow('expected 2 files of one split, found 1')
  await putParquet('hub/data/train-00001-of-00002.parquet', shard([blue], [0n]), features)
  await putParquet('hub/data/test-00000-of-00001.parquet', shard([red], [-1n]), features)
  await expect(readDataset(join(root, 'hub'))).rejects.toThrow(
    "test-00000-of-00001.parquet, row 0, column 'label': label -1 is not one of the 2 classes",
  )
  await putParquet('hub/data/test-00000-of-00001.parquet', shard([red], [0n]), features)
  const { train, test } = await readDataset(join(root, 'hub'))
  expect(train.classes).toEqual(['zebra', 'ant'])
  expect(Array.from(train.labels.data)).toEqual([1, 0, 1, 0])
  expect(train.inputs.dims).toEqual([4, 3, 2, 2])
  expect(Array.from((train.inputs.data as Uint8Array).subarray(0, 12))).toEqual([
    ...[255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0],
  ])
  expect(samples(test as Dataset)).toBe(1)
  // A hidden test set is in nobody's way: the classes are settled by their names in the file.
  await putParquet('hub/data/test-00000-of-00001.parquet', shard([red], [-1n]), features)
  expect(samples(await readDataset(join(root, 'hub'), { split: 'train' }))).toBe(4)
  expect((await collect(join(root, 'hub'), { chunk: 2 })).map(samples)).toEqual([2, 1, 1])
  await put('hub/data/test-00000-of-00001.parquet', 'PAR1')
  await expect(readDataset(join(root, 'hub'), { split: 'test' })).rejects.toMatchObject({
    code: 'parquet-damaged',
  })
})

test('Parquet as Arrow writes it: images as {bytes, path} and three-level lists', async () => {
  const optional = { repetition_type: 'OPTIONAL' } as const
  const schema: SchemaElement[] = [
    { name: 'root', num_children: 3 },
    { name: 'image', num_children: 2, ...optional },
    { name: 'bytes', type: 'BYTE_ARRAY', ...optional },
    { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', ...optional },
    { name: 'labels', converted_type: 'LIST', num_children: 1, ...optional },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: 'INT64', ...optional },
    { name: 'id', type: 'INT64', ...optional },
  ]
  await put('arrow/b.png', await png('#000'))
  const columnData = [
    { name: 'image', data: [{ bytes: new Uint8Array(await png('#fff')), path: 'a.png' }, { path: 'b.png' }] },
    { name: 'labels', data: [[1n, 0n], []] },
    { name: 'id', data: [7n, 8n] },
  ]
  const labels = { feature: classLabel, length: -1, _type: 'Sequence' }
  const kvMetadata = [{ key: 'huggingface', value: JSON.stringify({ info: { features: { labels } } }) }]
  const bytes = parquetWriteBuffer({ schema, columnData, kvMetadata })
  const { train } = await readDataset(await put('arrow/train.parquet', new Uint8Array(bytes)))
  expect(train).toMatchObject({ kind: 'multi-label', classes: ['zebra', 'ant'] })
  expect(train.labels).toEqual(float32([2, 2], [1, 1, 0, 0]))
  const ends = [0, 23].map((at) => (train.inputs.data as Uint8Array)[at])
  expect(ends).toEqual([255, 0])
})

test('an image folder with metadata, in splits and without', async () => {
  await put('meta/train/a.png', await png('#fff'))
  await put('meta/train/deep/b.png', await png('#000'))
  await put('meta/train/metadata.csv', 'file_name,label\na.png,light\ndeep/b.png,dark\n')
  await put('meta/test/c.png', await png('#000'))
  await put('meta/test/metadata.jsonl', lines({ file_name: 'c.png', label: 'dark' }))
  const { train, test } = await readDataset(join(root, 'meta'))
  expect(train.classes).toEqual(['dark', 'light'])
  expect(train.inputs.dims).toEqual([2, 3, 2, 2])
  expect(Array.from(test?.labels.data ?? [])).toEqual([0])
  await put('meta/train/metadata.csv', 'file_name,label\na.png,light\nnone.png,dark\n')
  await expect(readDataset(join(root, 'meta/train'))).rejects.toThrow(
    'metadata.csv, line 3: the image cannot be',
  )
})

test('a class may be called train', async () => {
  for (const name of ['boat', 'train']) await put(`vehicles/${name}/1.png`, await png('#123'))
  expect((await readDataset(join(root, 'vehicles'))).train.classes).toEqual(['boat', 'train'])
})

test('Parquet columns: numbers, texts, arrays, nulls', async () => {
  const columns: ColumnSource[] = [
    { name: 'b', data: [1.5, 2, 3], type: 'DOUBLE' },
    { name: 'a', data: [1n, 2n, 3n], type: 'INT64' },
    { name: 'label', data: ['y', 'x', 'y'], type: 'STRING' },
  ]
  const { train } = await readDataset(await putParquet('numbers.parquet', columns))
  expect(train).toMatchObject({ inputs: float32([3, 2], [1.5, 1, 2, 2, 3, 3]), classes: ['x', 'y'] })
  const some = await readDataset(join(root, 'numbers.parquet'), { featureColumns: ['a'] })
  expect(some.train.inputs).toEqual(float32([3, 1], [1, 2, 3]))
  const hole = await putParquet('hole.parquet', [
    {
      name: 'x',
      data: [
        [1, 2],
        [3, 4],
        [5, null],
      ],
    },
    { name: 'label', data: ['y', 'x', 'y'], type: 'STRING' },
  ])
  await expect(readDataset(hole)).rejects.toThrow(`${hole}, row 2, column 'x': expected numbers, found null`)
})

test('named arrays of safetensors and npz, split by name of the array or of the file', async () => {
  const x = float32([3, 1], [1, 2, 3])
  const arrays = new Map<string, Tensor>([
    ['x', x],
    ['y', int64([3], [1, 0, 1])],
  ])
  await put('arrays/train.safetensors', writeSafetensors(arrays))
  await put('arrays/dev.npz', writeNpz(arrays))
  const { train, validation } = await readDataset(join(root, 'arrays'))
  expect(train).toMatchObject({ inputs: x, labels: { data: Int32Array.of(1, 0, 1) } })
  expect(validation?.inputs).toEqual(x)
  const numbers = await readDataset(join(root, 'arrays/train.safetensors'), { kind: 'regression' })
  expect(numbers.train.labels).toEqual(float32([3, 1], [1, 0, 1]))
})

test('several classes a row: lists, parted texts, columns of 0 and 1', async () => {
  const expected = {
    kind: 'multi-label',
    classes: ['art', 'war'],
    labels: float32([3, 2], [0, 1, 1, 1, 0, 0]),
  }
  const list = await put(
    'many.jsonl',
    lines({ text: 'a', labels: ['war'] }, { text: 'b', labels: ['art', 'war'] }, { text: 'c', labels: [] }),
  )
  expect((await readDataset(list)).train).toMatchObject(expected)
  const parted = await put('many.csv', 'text,labels\na,war\nb,art; war\nc,\n')
  const either = await put('either.csv', 'text,labels\na,war\nb,art; war\nc,art\n')
  await expect(readDataset(either)).rejects.toThrow("line 3: label 'art; war' may be several classes")
  expect((await readDataset(parted, { kind: 'multi-label' })).train).toMatchObject(expected)
  const flags = await put('flags.csv', 'text,art,war\na,0,1\nb,1,1\nc,0,0\n')
  expect((await readDataset(flags, { labelColumns: ['art', 'war'] })).train).toMatchObject(expected)
  const wrong = await put('wrong.csv', 'text,art\na,2\n')
  await expect(readDataset(wrong, { labelColumns: ['art'] })).rejects.toThrow(
    "line 2, column 'art': expected 0 or 1, found '2'",
  )
  await expect(readDataset(list, { classes: ['art'] })).rejects.toThrow("line 1: label 'war' is not the one")
})

test('numbers to predict are asked for, and never taken for classes', async () => {
  const path = await put('scores.csv', 'text,label\na,0.5\nb,3\n')
  await expect(readDataset(path)).rejects.toMatchObject({ code: 'label-ambiguous' })
  await expect(readDataset(path)).rejects.toThrow(
    'line 2: label 0.5 is not whole. Say which it is (kind): regression',
  )
  expect((await readDataset(path, { kind: 'regression' })).train.labels).toEqual(float32([2, 1], [0.5, 3]))
  const named = await readDataset(path, { kind: 'classification' })
  expect(named.train.classes).toEqual(['0.5', '3'])
})

const tokenizer = createTokenizer({ tokenizer: wordVocabulary(['anna lives in new york .']) })

test('tags of words become labels of tokens', async () => {
  const features = { ner_tags: { feature: { names: ['O', 'PER'], _type: 'ClassLabel' }, _type: 'Sequence' } }
  const path = await putParquet(
    'ner.parquet',
    [
      { name: 'tokens', data: [['Anna', 'lives-in', 'York'], ['york']] },
      { name: 'ner_tags', data: [[1, 0, 0], [0]] },
    ],
    features,
  )
  await expect(readDataset(path)).rejects.toMatchObject({ code: 'tokenizer-missing' })
  const { train } = await readDataset(path, { tokenizer, maxLength: 6 })
  expect(train).toMatchObject({ kind: 'token-classification', classes: ['O', 'PER'] })
  // 'lives-in' is three tokens, of which the first has the label.
  const none = ignoredLabel
  expect(Array.from(train.labels.data)).toEqual([
    ...[1, 0, none, none, 0, none],
    ...[0, none, none, none, none, none],
  ])
  const uneven = await put('uneven.jsonl', lines({ tokens: ['a', 'b'], ner_tags: ['O'] }))
  await expect(readDataset(uneven, { tokenizer })).rejects.toThrow(
    "line 1, field 'ner_tags': expected one tag for each word, 2 in all",
  )
})

test('texts with a tokenizer are as long as the longest of all splits', async () => {
  await put('split/train.jsonl', lines({ text: 'anna lives', label: 'a' }))
  await put('split/val.jsonl', lines({ text: 'anna lives in new york . anna lives in', label: 'b' }))
  await put('split/oos.jsonl', lines({ text: 'york', label: 'b' }))
  const { train, validation } = await readDataset(join(root, 'split'), { tokenizer })
  expect([train.inputs.dims, validation?.inputs.dims]).toEqual([
    [1, 16],
    [1, 16],
  ])
  expect(train.preprocessing.pad).toBe(0)
  const other = await readDataset(join(root, 'split'), { split: 'oos' })
  expect(other).toMatchObject({ classes: ['a', 'b'], inputs: { data: ['york'] } })
  await expect(readDataset(join(root, 'split'), { split: 'test' })).rejects.toThrow(
    "there is no split 'test'; there are train, validation",
  )
})

test('two texts a row are refused', async () => {
  const path = await put('pairs.csv', 'premise,hypothesis,label\na,b,0\n')
  await expect(readDataset(path)).rejects.toThrow("each row holds two texts, 'premise' and 'hypothesis'")
  expect((await readDataset(path, { textColumn: 'premise' })).train.inputs.data).toEqual(['a'])
})

test('inputs without labels', async () => {
  await put('bare/1.png', await png('#fff'))
  const { train } = await readDataset(join(root, 'bare'), { unlabelled: true })
  expect(train).toMatchObject({ classes: [], labels: { dims: [1, 0] }, inputs: { dims: [1, 3, 2, 2] } })
  const texts = await put('bare.jsonl', lines({ text: 'a' }, { text: 'b' }))
  expect((await readDataset(texts, { unlabelled: true })).train.inputs.data).toEqual(['a', 'b'])
})

test('chunks of a stream together are the data set', async () => {
  const rows = Array.from({ length: 7 }, (_, row) => ({
    text: `anna ${row}`,
    label: row % 2 ? 'odd' : 'even',
  }))
  const json = await put('stream.jsonl', lines(...rows))
  const csv = await put(
    'stream.csv',
    `text,label\n${rows.map((row) => `${row.text},${row.label}\n`).join('')}`,
  )
  const parquet = await putParquet(
    'stream.parquet',
    [
      { name: 'text', data: rows.map(({ text }) => text), type: 'STRING' },
      { name: 'label', data: rows.map(({ label }) => label), type: 'STRING' },
    ],
    undefined,
    5,
  )
  for (const row of rows.keys())
    await put(`stream/${row % 2 ? 'odd' : 'even'}/${row}.png`, await png(`#00000${row}`))
  for (const [path, sizes] of [
    [json, [3, 3, 1]],
    [csv, [3, 3, 1]],
    [parquet, [3, 2, 2]],
    [join(root, 'stream'), [3, 3, 1]],
  ] as const) {
    const chunks = await collect(path, { chunk: 3 })
    expect(chunks.map(samples)).toEqual(sizes)
    const { train } = await readDataset(path)
    expect(fingerprint(concatenate(chunks))).toBe(fingerprint(train))
  }
  const ids = await collect(json, { chunk: 4, tokenizer, maxLength: 3 })
  expect(ids.map(({ inputs }) => inputs.dims)).toEqual([
    [4, 3],
    [3, 3],
  ])
  await expect(collect(json, { tokenizer })).rejects.toMatchObject({ code: 'length-missing' })
  await expect(collect(json, { classes: ['odd'] })).rejects.toThrow(
    "line 1: label 'even' is not the one class",
  )
  const [first] = await collect(json, { classes: ['odd', 'even', 'new'], chunk: 2 })
  expect(Array.from(first?.labels.data ?? [])).toEqual([1, 0])
})

test('data that would not fit are refused with the way out', async () => {
  const path = await put('large.csv', 'x,label\n1,a\n2,b\n')
  await expect(readDataset(path, { maxBytes: 4 })).rejects.toThrow(
    'Raise the limit (maxBytes), or take fewer rows.',
  )
  expect(samples((await readDataset(path, { maxBytes: 8 })).train)).toBe(2)
})

test('files beside a model say how its inputs are made', async () => {
  await put(
    'vit/preprocessor_config.json',
    JSON.stringify({ size: { height: 2, width: 2 }, do_flip_channel_order: true }),
  )
  await put('vit/onnx/model.onnx', '')
  const how = await readInputFiles(join(root, 'vit/onnx/model.onnx'), {
    type: 'float32',
    dims: ['batch', 2, 2, 3],
  })
  await put('two/red/wide.png', await png('#ff0000', 8, 4))
  const { train } = await readDataset(join(root, 'two'), how)
  expect(train.inputs.dims).toEqual([1, 2, 2, 3])
  expect(Array.from(train.inputs.data as Uint8Array).slice(0, 3)).toEqual([0, 0, 255])
  await put('bert/tokenizer.json', wordVocabulary(['anna']))
  await put('bert/config.json', '{"max_position_embeddings": 16}')
  const bert = await readInputFiles(join(root, 'bert/model.onnx'), { type: 'int64', dims: ['n', 't'] })
  expect(bert.tokenizer).toMatchObject({ limit: 16, size: 3 })
  expect(bert.input.kind).toBe('text')
})

test.each(['bge-small-en-v1.5', 'better.unproven', 'better.not-met'])(
  'files are found in a folder of a model that has a dot in its name: %s',
  async (name) => {
    const facts = { type: 'int64', dims: ['n', 't'] } as const
    await put(`${name}/tokenizer.json`, wordVocabulary(['anna']))
    await put(`${name}/onnx/model.onnx`, '')
    expect((await readInputFiles(join(root, name), facts)).tokenizer).toMatchObject({ size: 3 })
    expect((await readInputFiles(`${join(root, name)}/`, facts)).tokenizer).toMatchObject({ size: 3 })
    expect((await readInputFiles(join(root, name, 'onnx', '..'), facts)).tokenizer).toMatchObject({ size: 3 })
    expect((await readInputFiles(join(root, name, 'onnx', 'model.onnx'), facts)).tokenizer).toMatchObject({
      size: 3,
    })
  },
)

/** Columns 0 to width - 1 with the value of the column. */
const ramp = (width: number, height: number): Promise<Buffer> =>
  sharp(
    Uint8Array.from({ length: width * height }, (_, at) => at % width),
    { raw: { width, height, channels: 1 } },
  )
    .png()
    .toBuffer()

test('shortest edge and crop keep the middle, and pad what is too small with black', async () => {
  await put('ramp/a/wide.png', await ramp(12, 4))
  const read = async (holdfast: object) => {
    await put('crop/holdfast.json', JSON.stringify({ channels: 'grey', ...holdfast }))
    const how = await readInputFiles(join(root, 'crop'), { type: 'float32', dims: ['n', 1, 'h', 'w'] })
    return (await readDataset(join(root, 'ramp'), how)).train.inputs
  }
  const middle = await read({ resize: { shortestEdge: 4 }, crop: { height: 2, width: 4 } })
  expect(middle.dims).toEqual([1, 1, 2, 4])
  expect(Array.from(middle.data as Uint8Array)).toEqual([4, 5, 6, 7, 4, 5, 6, 7])
  const padded = await read({ crop: { height: 1, width: 14 } })
  expect(Array.from(padded.data as Uint8Array)).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0])
  expect((await read({ resize: { shortestEdge: 3 } })).dims).toEqual([1, 1, 3, 9])
})
