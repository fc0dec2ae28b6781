import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { lockOutput } from '../src/train/folders/output-lock-files.ts'
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

const learned = '--epochs 10 --learning-rate 0.01 --seed 3 --max-drop 3% --quiet'

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

test('folders made for what a command writes go again where it fails, but for what lies in them', async () => {
  write('odd.csv', 'x,label\n1,amber\n')
  mkdirSync(join(folder, 'there'))
  for (const out of ['far off/a/b.onnx', 'there/deep/b.onnx']) {
    const line = ['update', 'model/model.onnx', '--new', 'odd.csv', '--old', 'old', '-o', out]
    const { code, stderr } = await cli.run(line, { cwd: folder })
    expect(stderr).toContain('error (data-dims)')
    expect(code).toBe(1)
  }
  expect(existsSync(join(folder, 'far off'))).toBe(false)
  expect(readdirSync(join(folder, 'there'))).toEqual([])
})

test.each([
  [`update model/model.onnx --new new --old old -o better.onnx ${learned}`, 'better.onnx'],
  // Where an update ends is not known when it begins.
  [`update model/model.onnx --new new --old old -o better.onnx ${learned}`, 'better.not-met.onnx'],
  [`update model --new new --old old -o better ${learned}`, 'better'],
  ['keep model --data old -o old.keep', 'old.keep'],
  ['merge model/model.onnx model/model.onnx --base model/model.onnx -o merged.onnx', 'merged.onnx'],
])('%s begins only where no other process is at work on %s', async (line, name) => {
  mkdirSync(join(folder, 'taken'), { recursive: true })
  const other = await lockOutput(join(folder, 'taken', name))
  const { code, stderr } = await run(line.replace('-o ', '-o taken/'))
  await other.giveBack()
  expect([code, stderr]).toEqual([
    1,
    `error (out-in-use): -o taken/${name} is in use by process ${process.pid}. Wait until it ends, or name another place; if it is gone for good, remove ${join(folder, 'taken', `.${name}.lock`)}.\n`,
  ])
  expect(readdirSync(join(folder, 'taken'))).toEqual([])
})

describe('before a run begins', () => {
  const digits = '--data synthetic --limit 40,20 --iterations 1 --method none --scenario class'
  beforeAll(() => {
    write(
      'run.yaml',
      'data: {source: synthetic, limit: {train: 40, test: 20}}\nstream: {kind: split}\nmodel: {kind: simple}\niterations: 1\n',
    )
    write('bench.json', JSON.stringify({ schema: 1, results: [], tasks: [] }))
    write('mine/model.onnx', 'months of training')
  })

  test.each([
    [`bench split-mnist ${digits} --no-save --report results`, 'out-is-folder'],
    [`bench split-mnist ${digits} --no-save --report old/test.csv/r.html`, 'out-unwritable'],
    [`bench split-mnist ${digits} --out old/train.csv`, 'out-is-file'],
    [`bench split-mnist ${digits} --out results`, 'out-folder-taken'],
    [`bench split-mnist ${digits} --seeds 1,2 --out results`, 'out-folder-taken'],
    ['bench split-mnist --data old --no-save --report old/train.csv', 'flag-value'],
    ['bench split-mnist --data old --out old', 'out-is-input'],
    ['learn run.yaml --out results', 'out-folder-taken'],
    ['learn run.yaml --out run.yaml', 'out-is-input'],
    ['learn run.yaml --out old/train.csv/run', 'out-unwritable'],
    ['learn run.yaml --tensorboard results/thesis.txt', 'out-is-file'],
    ['learn run.yaml --model model --lora 2 --adapter results', 'out-folder-taken'],
    ['learn --init results', 'out-is-folder'],
    ['learn --init old/train.csv/x.yaml', 'out-unwritable'],
    ['report bench.json -o bench.json', 'flag-value'],
    ['report bench.json -o results', 'out-is-folder'],
    ['report bench.json -o old/train.csv/x.html', 'out-unwritable'],
    ['quickstart --data synthetic --folder results', 'out-folder-taken'],
    ['quickstart --data synthetic --folder mine', 'out-folder-taken'],
    ['quickstart --data synthetic --folder old/train.csv', 'out-is-file'],
    ['quickstart --data synthetic --report results', 'out-is-folder'],
    ['update model --new new --old old -o better --tensorboard results/thesis.txt', 'out-is-file'],
    ['update model --new new --old old -o better --lora 2 --adapter results', 'out-folder-taken'],
    ['gate model model --data old --junit /dev/null', 'out-is-device'],
    ['update model/model.onnx --new new --old old -o better', 'out-ending'],
    ['merge model model --base model -o merged', 'out-ending'],
    ['curve model model --pick 0.5 -o there/half', 'out-ending'],
    ['fisher model --data old -o fresh/', 'out-is-folder'],
  ])('%s is refused', async (line, code) => {
    const { code: exit, stderr } = await run(line)
    expect(stderr).toMatch(new RegExp(`^error \\(${code}\\): .+\n$`))
    expect(exit).toBe(1)
    expect(read('results/thesis.txt')).toBe('three years')
    expect(read('mine/model.onnx')).toBe('months of training')
    expect(readdirSync(join(folder, 'results'))).toEqual(['thesis.txt'])
  })

  test('the folder of a run, or of several, is its own and may be given again', async () => {
    for (const line of [
      `bench split-mnist ${digits} --hidden 8 --seeds 1,2 --jobs 1 --out grid`,
      'learn run.yaml --out one',
    ]) {
      expect((await run(line)).code).toBe(0)
      expect((await run(line)).stderr).not.toContain('error')
    }
    expect((await run('report one grid -o one/report.html')).code).toBe(0)
    expect((await run('report one grid -o one/report.html')).code).toBe(0)
    expect((await run('report one grid -o one/config.json')).stderr).toContain('error (flag-value)')
  })
})

describe('labels', () => {
  test('travel with a model to another folder, so that the pack can be extended', async () => {
    expect((await run('keep model --data old --budget 200 -o old.keep')).code).toBe(0)
    const line = `update model/model.onnx --new new --keep old.keep -o out/better.onnx --keep-out out/next.keep --rungs whole ${learned}`
    const { stderr, code } = await run(line)
    // Everything trained: what was summed of the old weights' features is said to hold no more.
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toContain('the sums of the old data hold no more')
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

describe('what says how inputs are made', () => {
  const unlike = 'read their data differently'

  test('travels with a model to another folder; where it is left behind gate and curve warn', async () => {
    write('shifted/labels.txt', read('model/labels.txt'))
    copyFileSync(join(folder, 'model/model.onnx'), join(folder, 'shifted/model.onnx'))
    write('shifted/holdfast.json', '{"mean": 0.25, "std": 0.5}')
    const update = await run(
      `update shifted/model.onnx --new new --old old -o away/better.onnx --rungs head --force ${learned}`,
    )
    expect(update.stderr).not.toContain('error')
    expect(readdirSync(join(folder, 'away')).sort()).toEqual(['better.onnx', 'holdfast.json', 'labels.txt'])
    expect(read('away/holdfast.json')).toBe(read('shifted/holdfast.json'))
    const gate = 'gate shifted/model.onnx away/better.onnx --data old --max-drop 50%'
    const curve = 'curve shifted/model.onnx away/better.onnx --old old --points 2'
    for (const line of [gate, curve]) {
      const { stderr, code } = await run(line)
      expect(stderr).not.toContain(unlike)
      expect(code).toBe(0)
    }
    rmSync(join(folder, 'away/holdfast.json'))
    for (const line of [gate, curve]) {
      expect((await run(line)).stderr).toContain(
        `warning: shifted/model.onnx and away/better.onnx ${unlike} (mean, std)`,
      )
    }
  })
})
