import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const known = blobNames.slice(0, 3)
const run = (line: string) => cli.run(line.split(' '), { cwd: folder })
const write = (name: string, text: string | Uint8Array) => writeFileSync(join(folder, name), text)

beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-traffic-'))
  write('m.onnx', modelToOnnx(await blobModel(ortNode(), known)))
  for (const [name, classes] of [
    ['old', known],
    ['new', ['denim']],
  ] as const) {
    mkdirSync(join(folder, name))
    write(`${name}/train.csv`, blobCsv(blobs({ classes, perClass: 30, seed: 1 })))
    write(`${name}/test.csv`, blobCsv(blobs({ classes, perClass: 40, seed: 2 })))
  }
  write('shares.csv', 'class,share\namber,8\nblue,1\ncoral,1\n')
  write('zeros.csv', 'class,share\namber,0\nblue,0\ncoral,0\n')
  write('zeros.json', '{"amber": 0, "blue": 0, "coral": 0}')
  write('others.csv', 'class,share\namber,0\nblue,0\ncoral,0\nzebra,1\n')
  await run('keep m.onnx --data old -o p.keep')
})
afterAll(() => {
  cli.remove()
  rmSync(folder, { recursive: true })
})

describe('shares that leave nothing to count', () => {
  test.each([
    'gate m.onnx m.onnx --data old --traffic zeros.csv',
    'gate m.onnx m.onnx --data old --traffic zeros.json',
    'gate m.onnx m.onnx --data old --traffic others.csv',
    'keep m.onnx --data old -o x.keep --traffic zeros.csv',
    'update m.onnx --new new --old old -o x.onnx --traffic zeros.csv',
  ])('are refused: %s', async (line) => {
    const { code, stdout, stderr } = await run(line)
    expect(stderr).toMatch(/^error \(traffic-share\): .*0/)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })
})

describe('update --traffic', () => {
  const quick = '--rungs whole --epochs 1 --max-drop 20% --json --quiet'
  test('weighs the drop on old data by class', async () => {
    const by = async (flags: string) =>
      JSON.parse((await run(`update m.onnx --new new --old old -o x.onnx ${quick}${flags}`)).stdout)
    const weighed = await by(' --traffic shares.csv')
    expect(weighed.old.weighted).toBe(true)
    const plain = await by('')
    expect(plain.old.weighted).toBe(false)
    // Eight of ten that come are a third of the rows: it is as if there were fewer.
    expect(weighed.preflight.power.smallestBudget).toBeGreaterThan(plain.preflight.power.smallestBudget)
  })

  test.each([
    ['update m.onnx --new new --keep p.keep --traffic shares.csv -o x.onnx', 'flag-value', '--old'],
    ['update m.onnx --new new --old old --traffic others.csv -o x.onnx', 'traffic-classes', 'zebra'],
  ])('refuses what it cannot mean: %s', async (line, code, word) => {
    const { stderr } = await run(line)
    expect(stderr).toContain(`error (${code})`)
    expect(stderr).toContain(word)
  })
})
