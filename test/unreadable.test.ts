import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const known = blobNames.slice(0, 4)
const run = (line: string) => cli.run(line.split(' '), { cwd: folder })
const write = (name: string, text: string | Uint8Array) => writeFileSync(join(folder, name), text)

/** What may stand where a file is wanted, and what is said of it. */
const kinds = {
  missing: /there is no (such )?(file|folder|run)/,
  'file.txt/inner': /file\.txt is a file/,
  circle: /links/,
  pipe: /pipe/,
} as const

beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-unreadable-'))
  write('m.onnx', modelToOnnx(await blobModel(ortNode(), known)))
  write('d.csv', blobCsv(blobs({ classes: known, perClass: 30, seed: 1 })))
  write('file.txt', 'nothing')
  write('pixels.yaml', 'data: {source: synthetic, limit: {train: 20, test: 10}}\nstream: {kind: split}\n')
  for (const kind of Object.keys(kinds)) {
    write(`data-${kind.replace('/', '-')}.yaml`, `data: {source: ${kind}}\nstream: {kind: split}\n`)
  }
  await run('keep m.onnx --data d.csv -o p.keep')
  symlinkSync('circle', join(folder, 'circle'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  mkdirSync(join(folder, 'folder'))
})
afterAll(() => {
  cli.remove()
  rmSync(folder, { recursive: true })
})

/** Every place of every verb where a path is read; `@` stands for it. */
const lines = [
  'keep @ --data d.csv -o x.keep',
  'keep m.onnx --data @ -o x.keep',
  'keep m.onnx --data d.csv -o x.keep --traffic @',
  'keep m.onnx --data d.csv -o x.keep --tokenizer @',
  'keep --show @',
  'keep --merge @ p.keep -o x.keep',
  'keep --extend @ --model m.onnx --data d.csv -o x.keep',
  'update @ --new d.csv --old d.csv -o x.onnx',
  'update m.onnx --new @ --old d.csv -o x.onnx',
  'update m.onnx --new d.csv --old @ -o x.onnx',
  'update m.onnx --new d.csv --keep @ -o x.onnx',
  'update m.onnx --new d.csv --old d.csv --unlabelled @ -o x.onnx',
  'gate @ m.onnx --data d.csv',
  'gate m.onnx @ --data d.csv',
  'gate m.onnx m.onnx --data @',
  'gate m.onnx m.onnx --data d.csv --golden @',
  'gate m.onnx m.onnx --data d.csv --never-flip @',
  'gate m.onnx m.onnx --data d.csv --traffic @',
  'gate m.onnx m.onnx --data d.csv --flips x.jsonl --new @',
  'curve @ m.onnx --old d.csv',
  'curve m.onnx @ --old d.csv',
  'curve m.onnx m.onnx --old @',
  'curve m.onnx m.onnx --new @',
  'fisher @ --data d.csv -o x',
  'fisher m.onnx --data @ -o x',
  'grad @ --batch d.csv -o x',
  'grad m.onnx --batch @ -o x',
  'inspect @',
  'learn @',
  'learn pixels.yaml --model @',
  'bench split-mnist --data @ --method none --no-save',
  'quickstart --data @',
  'resume @',
  'report @ -o x.html',
]

describe.each(Object.entries(kinds))('where %s is to be read', (kind, said) => {
  test.each([...lines, `learn data-${kind.replace('/', '-')}.yaml`])('%s', async (line) => {
    const { code, stderr, stdout } = await run(line.replace('@', kind))
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^error \((?!unexpected)[\w-]+\): /)
    expect(stderr).toContain(kind)
    expect(stderr).toMatch(said)
    // What the system calls it, and what Node makes of that, is for programs.
    expect(stderr).not.toMatch(/\bE[A-Z]{4,}\b|fault of Holdfast/)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })
})

describe('an argument of another kind', () => {
  test.each([
    ['gate m.onnx m.onnx --data m.onnx', '--data m.onnx: this is a model', 'Give data.'],
    ['gate p.keep m.onnx --data d.csv', 'BASELINE p.keep: this is a retention pack', 'Give a model.'],
    [
      'curve m.onnx d.csv --old m.onnx',
      'TO d.csv: this is data',
      '--old m.onnx is a model: the two are swapped.',
    ],
    [
      'keep d.csv --data m.onnx -o x.keep',
      'MODEL d.csv: this is data',
      '--data m.onnx is a model: the two are swapped.',
    ],
    ['update d.csv --new m.onnx --old d.csv -o x.onnx', 'MODEL d.csv: this is data', 'swapped'],
    [
      'update m.onnx --new d.csv --old p.keep -o x.onnx',
      '--old p.keep: this is a retention pack',
      'Give data.',
    ],
    [
      'update m.onnx --new d.csv --keep d.csv -o x.onnx',
      '--keep d.csv: this is data',
      'Give a retention pack.',
    ],
    ['fisher d.csv --data m.onnx -o x', 'MODEL d.csv: this is data', 'swapped'],
    ['inspect d.csv', 'MODEL d.csv: this is data', 'Give a model.'],
  ])('is named: %s', async (line, what, way) => {
    const { code, stderr } = await run(line)
    expect(stderr).toMatch(/^error \(argument-kind\): /)
    expect(stderr).toContain(what)
    expect(stderr).toContain(way)
    expect(code).toBe(1)
  })
})

test.each([
  'keep --show folder',
  'keep --merge folder p.keep -o x.keep',
  'update m.onnx --new d.csv --keep folder -o x.onnx',
  'gate m.onnx m.onnx --data d.csv --never-flip folder',
  'gate m.onnx m.onnx --data d.csv --traffic folder',
  'grad m.onnx --batch folder -o x',
  'learn folder',
  'report folder -o x.html',
  'resume folder',
])('a folder where a file is read: %s', async (line) => {
  const { code, stderr } = await run(line)
  expect(stderr).toMatch(/^error \((?!unexpected)[\w-]+\): .*folder/)
  expect(stderr).not.toMatch(/\bE[A-Z]{4,}\b|fault of Holdfast/)
  expect(code).toBe(1)
})
