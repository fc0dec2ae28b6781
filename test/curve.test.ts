import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { openJudge } from '../src/evaluate/judge.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel } from '../src/model/import/files.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { curve } from '../src/update/path/curve.ts'
import { openPath } from '../src/update/path/curve-path.ts'
import { predicted } from '../src/update/path/search.ts'
import { updateModel } from '../src/update/update.ts'
import { among, blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'

const engine = ortNode()
const old = blobNames.slice(0, 4)
const all = blobNames.slice(0, 5)
const oldTest = among(blobs({ classes: old, perClass: 50, seed: 6 }), all)
const newTest = among(blobs({ classes: ['ebony'], perClass: 50, seed: 7 }), all)
let from: Model
let to: Model
let cli: Cli
let folder: string

const run = (line: string) => cli.run(line.split(' ').filter(Boolean), { cwd: folder })
const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-curve-'))
  from = await blobModel(engine, old)
  const widened = widenHead(from, { classes: ['ebony'] })
  const { path } = await updateModel({
    engine,
    model: from,
    widened,
    data: {
      train: among(blobs({ classes: ['ebony'], perClass: 80, seed: 8 }), all),
      heldOut: among(blobs({ classes: ['ebony'], perClass: 20, seed: 9 }), all),
    },
    budget: { maxDrop: 0.01 },
    method: 'none',
    learningRate: 1e-2,
    epochs: 10,
  })
  // Plain fine-tuning on one class forgets the others: there is something to see.
  to = { ...widened, parameters: path.end }
  write('a.onnx', modelToOnnx(from))
  write('b.onnx', modelToOnnx(to))
  write('other.onnx', modelToOnnx(mlp({ widths: [2, 8, 5], classes: all, seed: 1 })))
  write('strange.onnx', modelToOnnx(mlp({ widths: [2, 32, 32, 4], classes: all.slice(1), seed: 1 })))
  write('old.csv', blobCsv(blobs({ classes: old, perClass: 50, seed: 6 })))
  write('new.csv', blobCsv(blobs({ classes: ['ebony'], perClass: 50, seed: 7 })))
  write('fern.csv', blobCsv(blobs({ classes: ['fern'], perClass: 5, seed: 7 })))
})
afterAll(() => cli.remove())

describe('the curve between a model and its update', () => {
  test('begins with the old accuracy, ends with the new, and counts flips from the beginning on', async () => {
    const { points, rows, groups } = await curve({ engine, from, to, old: oldTest, new: newTest, points: 5 })
    expect(points.map(({ alpha }) => alpha)).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(rows).toEqual({ old: 200, new: 50 })
    // Only rows that the new class takes are lost there.
    expect(points[0]?.old).toBeGreaterThan(0.95)
    expect(points[0]?.positiveFlips).toBe(0)
    const judge = openJudge(engine, from, old.length)
    const answers = await judge.answers(oldTest)
    await judge.dispose()
    const right = predicted(answers, old.length, 0).filter((unit, row) => unit === answers.labels[row])
    for (const point of points) expect(Number(point.old) + Number(point.drop)).toBeCloseTo(right.length / 200)
    expect(points[4]?.new).toBe(1)
    const last = points[4]
    expect(last?.drop).toBeGreaterThan(0.2)
    expect(last?.negativeFlipRate).toBe(Number(last?.negativeFlips) / 200)
    expect(groups).toEqual([])
  })

  test('takes groups of layers back one at a time, each ending where the whole path does', async () => {
    const { points, groups } = await curve({
      engine,
      from,
      to,
      old: oldTest,
      new: newTest,
      points: 2,
      groups: true,
    })
    expect(groups).toHaveLength(3)
    expect(groups.flatMap(({ parameters }) => parameters).sort()).toEqual([...to.parameters.keys()].sort())
    for (const group of groups) expect(group.points[1]).toEqual(points[1])
    expect(groups.some((group) => group.points[0]?.old !== points[1]?.old)).toBe(true)
  })

  test('is no drop and no flip at the beginning where no class is new', async () => {
    const other = await blobModel(engine, old, 2)
    const rows = blobs({ classes: old, perClass: 50, seed: 6 })
    const { points } = await curve({ engine, from, to: other, old: rows, points: 3 })
    expect(points[0]).toMatchObject({ drop: 0, negativeFlips: 0, positiveFlips: 0, negativeFlipRate: 0 })
  })

  test('is known for old data alone', async () => {
    const { points } = await curve({ engine, from, to, old: oldTest, points: 2 })
    expect(points.map((point) => point.new)).toEqual([null, null])
  })

  test('has the rows of classes that only the second model knows at every point', async () => {
    const path = await openPath(engine, from, to)
    const [start, end] = [await path.at(0), to.parameters]
    await path.dispose()
    for (const [name, tensor] of from.parameters) {
      const same = to.parameters.get(name)?.dims.join() === tensor.dims.join()
      if (same) expect(start.get(name)).toEqual(tensor)
    }
    const weight =
      [...to.parameters.keys()].findLast((name) => to.parameters.get(name)?.dims.length === 2) ?? ''
    const [before, at, after] = [from.parameters, start, end].map((each) => [
      ...((each.get(weight)?.data ?? []) as Float32Array),
    ]) as [number[], number[], number[]]
    const dims = to.parameters.get(weight)?.dims ?? []
    const rowsFirst = dims[0] === 5
    const width = to.parameters.get(weight)?.data.length ?? 0
    const row = (values: number[], unit: number, classes: number) =>
      rowsFirst
        ? values.slice((unit * width) / 5, ((unit + 1) * width) / 5)
        : values.filter((_, place) => place % classes === unit)
    expect(row(at, 4, 5)).toEqual(row(after, 4, 5))
    for (let unit = 0; unit < 4; unit++) expect(row(at, unit, 5)).toEqual(row(before, unit, 4))
  })
})

describe('holdfast curve', () => {
  test('prints a table, and writes a page and a plot', async () => {
    const { code, stdout } = await run(
      'curve a.onnx b.onnx --old old.csv --new new.csv --points 3 --groups --html c.html --svg c.svg',
    )
    expect(code).toBe(0)
    const [title, , head, first] = stdout.split('\n')
    expect(title).toBe('Accuracy from a.onnx (alpha 0) to b.onnx (alpha 1), on 200 old and 50 new examples')
    expect(head).toMatch(/^alpha +old % +new % +drop +flips - +flips \+ +flip rate %$/)
    expect(first).toMatch(/^0\.0 .* the old model$/)
    expect(stdout).toMatch(/\n1\.0 .* the new model\n/)
    expect(stdout).toMatch(/\n0\.5 .*\d\n/)
    expect(stdout).toContain('Layers taken back alone')
    expect(readFileSync(join(folder, 'c.html'), 'utf8')).toContain('<h2>Layers taken back alone</h2>')
    expect(readFileSync(join(folder, 'c.svg'), 'utf8')).toMatch(
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/,
    )
  })

  test('--pick writes that point as the second file with other initialisers, and the curve agrees', async () => {
    const picked = await run('curve a.onnx b.onnx --pick 0.5 -o half.onnx --json')
    expect(JSON.parse(picked.stdout)).toEqual({
      schema: 'holdfast.curve/1',
      picked: { alpha: 0.5, out: 'half.onnx' },
    })
    const [half, second] = await Promise.all(
      ['half.onnx', 'b.onnx'].map((name) => loadModel(join(folder, name))),
    )
    expect(half?.model.classes).toEqual(all)
    expect(half?.model.graph).toEqual(second?.model.graph)
    const line = 'curve a.onnx b.onnx --old old.csv --new new.csv --points 3 --json'
    const { points } = JSON.parse((await run(line)).stdout)
    const alone = JSON.parse((await run(line.replace('a.onnx b.onnx', 'half.onnx half.onnx'))).stdout)
    expect(alone.points[0].old).toBe(points[1].old)
    expect(alone.points[0].new).toBe(points[1].new)
  })
})

describe('wrong input', () => {
  test.concurrent.each([
    ['curve a.onnx b.onnx', 'argument-missing', '--old DIR'],
    ['curve a.onnx b.onnx --pick 0.5', 'flag-value', '--pick needs -o'],
    ['curve a.onnx b.onnx --pick 1.5 -o x.onnx', 'flag-value', 'from 0 to 1'],
    ['curve a.onnx other.onnx --old old.csv', 'curve-graphs', 'in the first model and'],
    [
      'curve a.onnx strange.onnx --old old.csv',
      'curve-classes',
      'Class 0 is "amber" in the first model and "blue"',
    ],
    ['curve a.onnx b.onnx --old fern.csv', 'curve-data', 'does not know the class "fern"'],
    ['curve a.onnx b.onnx --old old.csv --points 1', 'flag-value', 'a whole number from 2 to 10000'],
  ])('holdfast %s', async (words, code, message) => {
    const ended = await run(words)
    expect(ended.stderr).toContain(`error (${code}): `)
    expect(ended.stderr).toContain(message)
    expect([ended.code, ended.stdout]).toEqual([1, ''])
    expect(existsSync(join(folder, 'x.onnx'))).toBe(false)
  })
})
