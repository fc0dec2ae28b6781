import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeWhole } from './whole-files.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-whole-'))
  await writeFile(join(folder, 'a.yaml'), 'a')
})
afterAll(() => rm(folder, { recursive: true }))

describe('writing a whole file', () => {
  it.each([
    ['a.yaml/model.keep', 'a.yaml is a file'],
    ['a.yaml/deep/model.keep', 'a.yaml is a file'],
    ['none/model.keep', 'there is no folder'],
    ['.', 'it is a folder'],
  ])('to %s fails with what stands in the way, and leaves nothing', async (path, message) => {
    const writing = writeWhole(join(folder, path), 'text')
    await expect(writing).rejects.toMatchObject({
      code: 'write-failed',
      message: expect.stringContaining(message),
    })
    expect(await readdir(folder)).toEqual(['a.yaml'])
  })
})
