import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { float32 } from '../tensor/tensor.ts'
import { readDataset } from './files.ts'
import { readingFor } from './reading-files.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-reading-for-'))
})
afterAll(() => rm(root, { recursive: true }))

const model = { input: { type: 'float32', dims: ['batch', 2] } } as const

test('the columns that a model reads, in its order, stand in holdfast.json, whatever a table has besides', async () => {
  // With the mark that editors of Windows put in front.
  await writeFile(join(root, 'holdfast.json'), '\uFEFF{"features": ["b", "a"]}')
  const { options } = await readingFor({ path: join(root, 'model.onnx'), ...model })
  const path = join(root, 'x.csv')
  await writeFile(path, 'a,other,b,label\n1,9,2,x\n')
  const { train, notes } = await readDataset(path, options)
  expect(train.inputs).toEqual(float32([1, 2], [2, 1]))
  expect(notes).toEqual([expect.stringContaining('other is not among what the model reads, and left out')])
  await writeFile(path, 'a,label\n1,x\n')
  await expect(readDataset(path, options)).rejects.toThrow("there is no column 'b'; there are a, label")
})

test('a model of so many inputs has no other number of columns', async () => {
  const { options } = await readingFor({ path: join(root, 'elsewhere', 'model.onnx'), ...model })
  const path = join(root, 'wide.csv')
  await writeFile(path, 'a,b,c,label\n1,2,3,x\n')
  await expect(readDataset(path, options)).rejects.toMatchObject({ code: 'data-dims' })
  const asked = await readingFor(
    { path: join(root, 'elsewhere', 'model.onnx'), ...model },
    { columns: { features: ['c', 'a'] } },
  )
  expect((await readDataset(path, asked.options)).train.inputs).toEqual(float32([1, 2], [3, 1]))
})

test('a pipe is no file of data', async () => {
  const pipe = join(root, 'pipe.csv')
  execFileSync('mkfifo', [pipe])
  await expect(readDataset(pipe)).rejects.toMatchObject({ code: 'file-unreadable' })
})
