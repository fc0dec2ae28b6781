import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { blobCsv, blobNames, blobs } from '../../test/blobs.ts'
import { EnvironmentError, UsageError } from '../errors.ts'
import { zeros } from '../tensor/bytes.ts'
import { readDataset } from './files.ts'
import { fingerprint } from './fingerprint.ts'
import type { ReadOptions } from './read-options.ts'
import { takeRows } from './rows.ts'
import { openSpill } from './spill-files.ts'
import { sourceOf } from './spilled.ts'
import { createTokenizer, wordVocabulary } from './text/index.ts'

let root = ''
let cacheBefore: string | undefined
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-spill-'))
  cacheBefore = process.env.HOLDFAST_CACHE
  process.env.HOLDFAST_CACHE = join(root, 'cache')
})
afterAll(async () => {
  if (cacheBefore === undefined) delete process.env.HOLDFAST_CACHE
  else process.env.HOLDFAST_CACHE = cacheBefore
  await rm(root, { recursive: true })
})

/** Reads both ways, and says whether rows were on disk. */
async function sameEitherWay(path: string, options: ReadOptions, maxBytes: number): Promise<boolean> {
  const memory = await readDataset(path, options)
  const spill = openSpill(maxBytes)
  try {
    const disk = await readDataset(path, { ...options, spill })
    expect(Object.keys(disk)).toEqual(Object.keys(memory))
    for (const part of ['train', 'test'] as const) {
      const [here, there] = [memory[part], disk[part]]
      if (!here || !there) throw new Error(`${part} is missing`)
      expect(fingerprint(there)).toBe(fingerprint(here))
      expect(there.preprocessing).toEqual(here.preprocessing)
    }
    return sourceOf(disk.train.inputs) !== undefined
  } finally {
    spill.close()
  }
}

async function put(name: string, content: string | Uint8Array): Promise<void> {
  await mkdir(join(root, name, '..'), { recursive: true })
  await writeFile(join(root, name), content)
}

it('images that memory has no room for are read to the same rows', async () => {
  for (const [at, name] of [
    'train/cat/0',
    'train/cat/1',
    'train/dog/2',
    'test/cat/3',
    'test/dog/4',
  ].entries()) {
    const pixels = Uint8Array.from({ length: 48 }, (_, place) => (37 * at + 11 * place) % 256)
    await put(
      `images/${name}.png`,
      await sharp(pixels, { raw: { width: 4, height: 4, channels: 3 } })
        .png()
        .toBuffer(),
    )
  }
  const path = join(root, 'images')
  expect(await sameEitherWay(path, {}, 0)).toBe(true)
  // Room for the three of the training part, and not for the others.
  expect(await sameEitherWay(path, {}, 200)).toBe(false)
  expect(await sameEitherWay(path, {}, 2 ** 20)).toBe(false)
})

it('numbers and texts of a stated length, too', async () => {
  for (const [part, seed] of [
    ['train', 1],
    ['test', 2],
  ] as const)
    await put(`blobs/${part}.csv`, blobCsv(blobs({ classes: blobNames, perClass: 400, seed })))
  expect(await sameEitherWay(join(root, 'blobs'), {}, 0)).toBe(true)
  // The first 2,048 rows have room, the others have not.
  expect(await sameEitherWay(join(root, 'blobs'), {}, 2048 * 8)).toBe(true)
  const rows = 'text,label\nred is warm,warm\nblue,cold\nblue is cold,cold\n'
  for (const part of ['train', 'test']) await put(`texts/${part}.csv`, rows)
  const tokenizer = createTokenizer({ tokenizer: wordVocabulary(['red blue is warm cold']) })
  expect(await sameEitherWay(join(root, 'texts'), { tokenizer, maxLength: 6 }, 0)).toBe(true)
})

it('texts without a stated length are refused, with the way out', async () => {
  const tokenizer = createTokenizer({ tokenizer: wordVocabulary(['red blue is warm cold']) })
  await put('bare/train.csv', 'text,label\nred is warm,warm\nblue,cold\n')
  await expect(
    readDataset(join(root, 'bare'), { tokenizer, spill: openSpill(0), maxBytes: 0 }),
  ).rejects.toThrow(/texts do not fit into.*Say how many tokens a row has \(maxLength\)/)
})

it('the file on disk has no name, and is gone when it is closed', async () => {
  const spill = openSpill(0)
  spill.keep(zeros('uint8', [4, 4]))
  expect(spill.spilled()).toBe(16)
  expect(await readdir(join(root, 'cache', 'spill'))).toEqual([])
  spill.close()
})

it('rows of what was closed are gone, whatever file is open in its place', async () => {
  await put('other', 'sixteen letters.')
  const spill = openSpill(0)
  const kept = spill.keep(zeros('uint8', [4, 4]))
  spill.close()
  const other = openSync(join(root, 'other'), 'r')
  try {
    expect(() => takeRows(kept, Int32Array.of(0))).toThrow(/\/spill: .*was closed/)
    expect(() => spill.keep(zeros('uint8', [4, 4]))).toThrow(UsageError)
  } finally {
    closeSync(other)
  }
})

it('a folder that cannot be written is named, with what to do', async () => {
  await put('blocked', 'a file')
  process.env.HOLDFAST_CACHE = join(root, 'blocked')
  try {
    const spill = openSpill(0)
    const attempt = () => spill.keep(zeros('uint8', [4, 4]))
    expect(attempt).toThrow(EnvironmentError)
    expect(attempt).toThrow(
      /blocked\/spill: rows for which there is no room.*HOLDFAST_CACHE names another folder/,
    )
  } finally {
    process.env.HOLDFAST_CACHE = join(root, 'cache')
  }
})
