import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import type { Model } from '../src/model/model.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'
import { engine } from './op-cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-merging-'))
const at = (name: string) => join(folder, name)
const classes = blobNames.slice(0, 3)
let cli: Cli
const run = (line: string) => cli.run(line.split(' '), { cwd: folder })

/** The model with all weights at so many times their values. */
const scaled = (model: Model, factor: number): Model => ({
  ...model,
  parameters: new Map(
    [...model.parameters].map(([name, { dims, data }]) => [
      name,
      float32(
        dims,
        (data as Float32Array).map((value) => value * factor),
      ),
    ]),
  ),
})

beforeAll(async () => {
  cli = await buildCli()
  const base = await blobModel(engine, classes)
  for (const [name, factor] of [
    ['base', 1],
    ['north', 1.1],
    ['south', 1.2],
  ] as const)
    writeFileSync(at(`${name}.onnx`), modelToOnnx(scaled(base, factor)))
  writeFileSync(at('rows.csv'), blobCsv(blobs({ classes, perClass: 100, seed: 5 })))
  mkdirSync(at('empty'))
})
afterAll(() => cli.remove())

test('is held against its base by rows, at the budget that is said', async () => {
  const { code, stdout } = await run(
    'merge north.onnx south.onnx --base base.onnx --data rows.csv --max-drop 5% -o held.onnx --json',
  )
  expect(code).toBe(0)
  expect(JSON.parse(stdout).gate).toMatchObject({ verdict: 'pass', n: 300 })
})

test.each([
  ['north.onnx south.onnx --data empty', 'data-unrecognised', 'empty'],
  ['north.onnx south.onnx --max-drop 1%', 'option-unused', '--data DIR'],
  ['north.onnx south.onnx --confidence 0.9', 'option-unused', '--data DIR'],
  ['north.onnx --keep a.keep,b.keep', 'argument-missing', 'One model is nothing to merge'],
  ['north.onnx', 'argument-missing', 'needs two or more models'],
  ['north.onnx north.onnx', 'merge-twice', 'are the same model'],
])('%s is refused, and nothing is written', async (words, code, said) => {
  const ended = await run(`merge ${words} --base base.onnx -o refused.onnx`)
  expect(ended.stderr).toContain(`error (${code})`)
  expect(ended.stderr).toContain(said)
  expect([ended.code, ended.stdout]).toEqual([1, ''])
  expect(existsSync(at('refused.onnx'))).toBe(false)
})
