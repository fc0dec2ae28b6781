import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readNpz, writeNpy } from '../tensor/npy.ts'
import { readDataset } from './files.ts'
import { readUnpacked } from './formats/index-files.ts'
import { parquetTables } from './formats/parquet-files.ts'
import { encodedInTime } from './text/in-time-node.ts'
import { createTokenizer } from './text/index.ts'
import { wordVocabulary } from './text/vocabulary.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-hostile-'))
})
afterAll(() => rm(root, { recursive: true }))

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name)
  await writeFile(path, content)
  return path
}

const columnData = [
  { name: 'x', data: [1.5, 2, 3], type: 'DOUBLE' as const },
  { name: 'label', data: ['a', 'b', 'a'], type: 'STRING' as const },
]

test('Parquet that would be read for ever ends within its time', async () => {
  const whole = new Uint8Array(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED' }))
  // Without these bytes a page's header says nothing of its values, and none are ever found.
  const path = await put(
    'endless.parquet',
    Uint8Array.from([...whole.subarray(0, 13), ...whole.subarray(30)]),
  )
  const read = async () => {
    for await (const table of parquetTables(path, 10, {}, 2)) expect(table.rows).toBe(0)
  }
  await expect(read()).rejects.toMatchObject({ code: 'parquet-endless' })
})

test('Parquet whose metadata are nested without end, or promise more than there is', async () => {
  const value = `{"info": {"features": {"label": ${'{"feature": '.repeat(5000)}{}${'}'.repeat(5000)}}}}`
  const kvMetadata = [{ key: 'huggingface', value }]
  const deep = await put('deep.parquet', new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata })))
  expect((await readDataset(deep)).train.classes).toEqual(['a', 'b'])
})

test('JSON that is nested deeper than a stack', async () => {
  const deep = await put('deep.jsonl', `{"x": ${'['.repeat(100_000)}${']'.repeat(100_000)}, "label": 1}\n`)
  await expect(readDataset(deep)).rejects.toMatchObject({ code: 'field-type' })
  const second = await put(
    'second.jsonl',
    `{"x": [1], "label": 1}\n{"x": ${'['.repeat(100_000)}${']'.repeat(100_000)}, "label": 1}\n`,
  )
  await expect(readDataset(second)).rejects.toMatchObject({ code: 'field-type' })
})

test('a regular expression of a tokenizer that never ends is ended', () => {
  const file = JSON.parse(wordVocabulary(['a b']))
  file.pre_tokenizer = { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Removed', invert: false }
  const tokenizer = createTokenizer({ tokenizer: JSON.stringify(file) })
  const encode = (text: string) => tokenizer.encode(text)
  expect(encodedInTime(['b'], encode, 'texts')).toHaveLength(1)
  expect(() => encodedInTime(['b', `${'a'.repeat(40)}!`], encode, 'texts', 300)).toThrow(
    "texts: the tokenizer did not come to an end within 1 seconds on the text 'aaaa",
  )
})

test('what unpacks to more than it may is refused before memory is taken', async () => {
  const zip = zipSync({ 'x.npy': writeNpy({ type: 'uint8', dims: [5000], data: new Uint8Array(5000) }) })
  // What the directory says the entry unpacks to stands 24 bytes behind its mark: 2 GiB.
  const directory = Buffer.from(zip).indexOf('PK\u0001\u0002')
  new DataView(zip.buffer, zip.byteOffset).setUint32(directory + 24, 2 ** 31, true)
  expect(() => readNpz(zip, 'x.npz')).toThrow('to one, and no measurements pack like that')
  expect(() => readNpz(zip, 'x.npz', { maxBytes: 2 ** 20 })).toThrow('x.npz: its')
  const packed = await put('large.gz', gzipSync(new Uint8Array(300 * 2 ** 20), { level: 1 }))
  await expect(readUnpacked(packed)).rejects.toMatchObject({ code: 'unpacks-too-large' })
  await expect(readUnpacked(packed, { length: () => 1000 })).rejects.toThrow(
    'by its header it holds 1000 bytes',
  )
  expect((await readUnpacked(await put('small.gz', gzipSync(Buffer.from('abc'))))).bytes).toHaveLength(3)
})

test('a table of very many columns takes time in proportion', async () => {
  const names = Array.from({ length: 60_000 }, (_, at) => `f${at}`)
  const wide = `${names.join()},label\n${names.map(() => '1').join()},a\n`
  const { train } = await readDataset(await put('wide.csv', wide))
  expect(train.inputs.dims).toEqual([1, 60_000])
  const fields = JSON.stringify({ ...Object.fromEntries(names.map((name) => [name, 1])), label: 'a' })
  expect((await readDataset(await put('wide.jsonl', fields))).train.inputs.dims).toEqual([1, 60_000])
})
