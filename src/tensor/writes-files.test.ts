import { appendFile, chmod, mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { EnvironmentError, UsageError } from '../errors.ts'
import { makeFolder, removeMade, writeObstacle, writing } from './writes-files.ts'

let folder: string
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-writes-'))
  await writeFile(at('file'), 'content')
  await mkdir(at('inner'))
  await symlink('circle', at('circle'))
})

describe('what the system refuses to write', () => {
  test.skipIf(process.platform !== 'linux')('is a full disk in words', async () => {
    await expect(writing('/dev/full', () => appendFile('/dev/full', 'x'))).rejects.toThrow(
      '/dev/full: it could not be written (the disk is full; make room, or name a place on another disk).',
    )
  })

  test.each([
    ['file/a', 'file is a file: name a folder'],
    ['none/a', 'none: make it first, or, where it was removed meanwhile, start the command again'],
    ['inner', 'it is a folder: name a file in it'],
    ['circle', 'symbolic links'],
    ['x'.repeat(300), 'the path is longer than the system takes'],
    ['nul\0', 'the path has a NUL character in it'],
  ])('is said in words for a file: %j', async (name, words) => {
    const error = await writing(at(name), () => writeFile(at(name), 'x')).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(EnvironmentError)
    expect(error).toMatchObject({ code: 'write-failed', message: expect.stringContaining(words) })
    expect(String(error)).not.toMatch(/\bE[A-Z]{4,}\b/)
  })

  test.each([
    ['file', 'file is a file: name a folder'],
    ['file/a/b', 'file is a file: name a folder'],
    [`inner/${'x'.repeat(300)}`, 'the path is longer than the system takes'],
  ])('is said in words for a folder: %j', async (name, words) => {
    await expect(makeFolder(at(name))).rejects.toMatchObject({
      code: 'write-failed',
      message: expect.stringContaining(words),
    })
  })

  test.skipIf(process.platform === 'win32')(
    'is no missing folder where permissions are lacking',
    async () => {
      await mkdir(at('closed'))
      await chmod(at('closed'), 0o555)
      await chmod(folder, 0o755)
      const root = process.geteuid?.() === 0
      // Root may write everywhere, nobody else may.
      if (root) process.seteuid?.(65_534)
      try {
        await expect(makeFolder(at('closed/a/b'))).rejects.toThrow('the system does not let you write there')
      } finally {
        if (root) process.seteuid?.(0)
      }
    },
  )

  test('keeps the words of what is not known', async () => {
    expect(await writeObstacle('a', new Error('out of paper'))).toBe('out of paper')
  })
})

test('errors of ours pass, and what goes well does', async () => {
  const ours = new UsageError('config-exists', 'There already.')
  await expect(writing('a', () => Promise.reject(ours))).rejects.toBe(ours)
  expect(await writing('a', async () => 3)).toBe(3)
  await makeFolder(at('new/inner'))
  await makeFolder(at('new/inner'))
})

test('folders that were made are taken away as far as they are empty, and none that was there', async () => {
  await mkdir(at('there'))
  await removeMade(at('there/a/b/c'), await makeFolder(at('there/a/b/c')))
  expect(await readdir(at('there'))).toEqual([])
  const first = await makeFolder(at('there/a/b/c'))
  await writeFile(at('there/a/file'), 'x')
  await removeMade(at('there/a/b/c'), first)
  expect(await readdir(at('there/a'))).toEqual(['file'])
  await removeMade(at('inner'), await makeFolder(at('inner')))
  expect(await readdir(at('inner'))).toEqual([])
})
