import { chmod, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { CheckpointError, UsageError } from '../errors.ts'
import { foundAt, listFolder, readBytes, reading, readObstacle, readUtf8 } from './reads-files.ts'

let folder: string
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-reads-'))
  await writeFile(at('file'), 'content')
  await symlink('circle', at('circle'))
  await symlink('nowhere', at('lost'))
})

const refused = (error: string) => ({
  code: Object.assign(new Error(`${error}: as Node says it`), { code: error }),
})

describe('what the system refuses', () => {
  test.each([
    ['missing', 'there is no such file or folder'],
    ['lost', 'there is no such file or folder'],
    ['file/inner', 'file is a file'],
    ['circle', 'symbolic links'],
    ['.', 'it is a folder, and a file was expected'],
    [`${'x'.repeat(300)}`, 'the path is longer than the system takes'],
  ])('is said in words: %s', async (name, words) => {
    const error = await readBytes(at(name), {
      kind: CheckpointError,
      code: 'pack-missing',
      way: 'Make one.',
    }).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error).toMatchObject({ code: 'pack-missing', message: expect.stringContaining(words) })
    expect(String(error)).toMatch(/^CheckpointError: .*[^.]\. Make one\.$/)
    expect(String(error)).not.toMatch(/\bE[A-Z]{4,}\b/)
  })

  test('is said where permissions are lacking', async () => {
    await writeFile(at('secret'), 'content')
    await chmod(at('secret'), 0)
    await chmod(folder, 0o755)
    const root = process.geteuid?.() === 0
    // What root may read, nobody else may.
    if (root) process.seteuid?.(65_534)
    try {
      await expect(readBytes(at('secret'))).rejects.toMatchObject({
        code: 'file-unreadable',
        message: expect.stringContaining('does not let you read it'),
      })
    } finally {
      if (root) process.seteuid?.(0)
    }
  })

  test.each(['EMFILE', 'ENFILE', 'EIO', 'EACCES', 'EPERM', 'ERR_FS_FILE_TOO_LARGE'])(
    'has words of its own for %s',
    (code) => {
      const said = readObstacle('x', refused(code).code)
      expect(said).not.toContain(code)
      expect(said).not.toContain('as Node says it')
    },
  )

  test('is handed on as it is where there are no words for it', () => {
    expect(readObstacle('x', refused('EXOTIC').code)).toBe('it cannot be read (EXOTIC: as Node says it)')
  })
})

test('errors of ours pass', async () => {
  const own = new UsageError('own', 'Mine.')
  await expect(reading('x', () => Promise.reject(own))).rejects.toBe(own)
})

test('what is there is read', async () => {
  expect(await readUtf8(at('file'))).toBe('content')
  expect((await listFolder(folder)).includes('file')).toBe(true)
  expect((await foundAt(at('file')))?.isFile()).toBe(true)
  expect(await foundAt(at('missing'))).toBeUndefined()
  expect(await foundAt(at('file/inner'))).toBeUndefined()
  await expect(foundAt(at('circle'))).rejects.toMatchObject({ code: 'file-unreadable' })
})
