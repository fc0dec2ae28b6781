import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const known = blobNames.slice(0, 4)
const run = (line: string) => cli.run(line.split(' '), { cwd: folder })
const write = (name: string, text: string | Uint8Array) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const rows = (classes: readonly string[], perClass: number, seed: number) =>
  blobCsv(blobs({ classes, perClass, seed }))

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-outputs-'))
  // Labels lie beside the model, and not in it.
  write('model/model.onnx', modelToOnnx({ ...(await blobModel(ortNode(), known)), classes: [] }))
  write('model/labels.txt', `${known.join('\n')}\n`)
  write('old/train.csv', rows(known, 60, 1))
  write('old/test.csv', rows(known, 150, 2))
  write('new/train.csv', rows(['ebony'], 60, 3))
  write('new/test.csv', rows(['ebony'], 60, 4))
  write('results/thesis.txt', 'three years')
})
afterAll(() => cli.remove())

const learned = '--epochs 10 --learning-rate 0.01 --seed 3 --max-drop 3% --trials 1 --quiet'

describe('what is there already', () => {
  test.each([
    ['a folder of other things', '-o results', 'out-folder-taken'],
    ['the same by force', '-o results --force', 'out-folder-taken'],
    ['a folder that holds all inputs', '-o .', 'out-holds-input'],
    ['the model itself', '-o model', 'out-is-input'],
    ['data', '-o better --report new/train.csv/report.html', 'out-unwritable'],
    ['one place twice', '-o better --report r.html --markdown r.html', 'out-twice'],
  ])('is not replaced by a model: %s', async (_, flags, code) => {
    const { code: exit, stderr } = await run(`update model --new new --old old ${flags} ${learned}`)
    expect(stderr).toContain(`error (${code})`)
    expect(exit).toBe(1)
    expect(read('results/thesis.txt')).toBe('three years')
    expect(existsSync(join(folder, 'better'))).toBe(false)
  })

  test.each([
    ['gate model model --data old --junit model/model.onnx', 'out-in-input'],
    ['gate model model --data old --markdown results', 'out-is-folder'],
    ['keep model --data old -o model/labels.txt/x.keep', 'out-unwritable'],
    ['curve model model --pick 0 -o model/model.onnx', 'out-in-input'],
    ['curve model model --old old --html old', 'out-is-input'],
    ['fisher model --data old -o old/test.csv/f', 'out-unwritable'],
  ])('is not replaced by %s', async (line, code) => {
    const { code: exit, stderr } = await run(line)
    expect(stderr).toContain(`error (${code})`)
    expect(exit).toBe(1)
  })
})

test('what is misspelt is told before what is missing', async () => {
  const { stderr } = await run('update model --new nwe')
  expect(stderr).toBe(
    'error (data-missing): --new nwe: there is no such file or folder. Give the path of data. Did you mean "new"?\n',
  )
  expect((await run('update modle --new new')).stderr).toContain('model-not-found): MODEL modle:')
  expect((await run('update model --new new')).stderr).toContain('argument-missing')
})

describe('labels', () => {
  test('travel with a model to another folder, so that the pack can be extended', async () => {
    expect((await run('keep model --data old -o old.keep --fisher no')).code).toBe(0)
    const line = `update model/model.onnx --new new --keep old.keep -o out/better.onnx --keep-out out/next.keep ${learned}`
    const { stderr, code } = await run(line)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['better.onnx', 'labels.txt', 'next.keep'])
    expect(read('out/labels.txt')).toBe(`${known.join('\n')}\nebony\n`)
    expect((await run('inspect out/better.onnx')).stdout).toContain(
      '5 classes: amber, blue, coral, denim, ebony',
    )
    // The same again replaces them, as they are of the model that is replaced.
    write('out/labels.txt', `${known.join('\n')}\nother\n`)
    expect((await run(line)).code).toBe(0)
    expect(read('out/labels.txt')).toBe(`${known.join('\n')}\nebony\n`)
  })

  test('of another model are in the way, and that is said before anything is learned', async () => {
    write('shared/labels.txt', 'x\ny\n')
    copyFileSync(join(folder, 'model/model.onnx'), join(folder, 'shared/other.onnx'))
    const { code, stderr } = await run(
      `update model/model.onnx --new new --old old -o shared/better.onnx ${learned}`,
    )
    expect(stderr).toContain('error (out-companions)')
    expect(code).toBe(1)
    expect(read('shared/labels.txt')).toBe('x\ny\n')
  })
})
