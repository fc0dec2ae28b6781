import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkOutputs, type Output } from './outputs-files.ts'

let root: string
const at = (path: string) => join(root, path)
const check = (
  path: string,
  kind?: Output['kind'],
  inputs: readonly string[] = ['data/new', 'data/model.onnx'],
) =>
  checkOutputs(
    [{ flag: '-o', path: at(path), kind }],
    inputs.map((input) => ({ flag: '--new', path: at(input) })),
  )

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-outputs-'))
  for (const folder of ['data/new', 'empty', 'results', 'older/onnx', 'flat'])
    await mkdir(at(folder), { recursive: true })
  for (const file of [
    'data/new/a.csv',
    'data/model.onnx',
    'results/thesis.txt',
    'older/onnx/model.onnx',
    'flat/m.onnx',
    'flat/a.txt',
  ])
    await writeFile(at(file), 'x')
  await symlink(at('data'), at('link'))
  await symlink(at('data/model.onnx'), at('link.onnx'))
})
afterAll(() => rm(root, { recursive: true }))

describe('outputs', () => {
  it.each([
    ['a file that is not there, in folders that are not there', 'deep/er/better.onnx', 'file'],
    ['a file that is there', 'results/thesis.txt', 'file'],
    ['a file beside an input', 'data/better.onnx', 'file'],
    ['a new file in the folder of an input', 'data/new/report.html', 'file'],
    ['a new folder', 'fresh', 'model'],
    ['an empty folder', 'empty', 'model'],
    ['a folder with a model in onnx', 'older', 'model'],
    ['a folder with a model', 'flat', 'model'],
    ['a folder that files are put into', 'results', 'folder'],
  ] as const)('may be %s', async (_, path, kind) => {
    await check(path, kind)
  })

  it.each([
    ['an input', 'data/model.onnx', 'file', 'out-is-input'],
    ['an input by a link', 'link.onnx', 'file', 'out-is-input'],
    ['an input by a link on the way', 'link/model.onnx', 'file', 'out-is-input'],
    ['the folder of an input', 'data/new', 'model', 'out-is-input'],
    ['a folder that holds an input', 'data', 'model', 'out-holds-input'],
    ['a file in the folder of an input', 'data/new/a.csv', 'file', 'out-in-input'],
    ['a folder in that of an input', 'data/new/better', 'model', 'out-in-input'],
    ['a folder above', '.', 'model', 'out-holds-input'],
    ['a folder that holds one, by a link', 'link', 'folder', 'out-holds-input'],
    ['a folder in place of a file', 'results', 'file', 'out-is-folder'],
    ['a file in place of a folder', 'results/thesis.txt', 'model', 'out-is-file'],
    ['a folder with other things', 'results', 'model', 'out-folder-taken'],
    ['behind a file', 'results/thesis.txt/better.onnx', 'file', 'out-unwritable'],
    ['far behind a file', 'results/thesis.txt/a/better', 'model', 'out-unwritable'],
    ['of an endless name', 'x'.repeat(300), 'file', 'out-unwritable'],
  ] as const)('may not be %s', async (_, path, kind, code) => {
    await expect(check(path, kind)).rejects.toMatchObject({ code })
  })

  it('are told what to name instead of one behind a file', async () => {
    const behind = (kind: Output['kind']) => check('results/thesis.txt/better', kind)
    await expect(behind('file')).rejects.toThrow(
      'thesis.txt is a file, so nothing can be put into it. Name a file ',
    )
    await expect(behind('model')).rejects.toThrow('can be put into it. Name a folder ')
  })

  it('are two places', async () => {
    const twice = [
      { flag: '--report', path: at('a.html') },
      { flag: '--markdown', path: at('empty/../a.html') },
    ]
    await expect(checkOutputs(twice, [])).rejects.toMatchObject({
      code: 'out-twice',
      message: expect.stringContaining('--report writes to the same place'),
    })
  })
})
