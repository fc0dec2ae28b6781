import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classLabels, type Dataset } from '../src/data/dataset.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import type { Model } from '../src/model/model.ts'
import { assignRows } from '../src/update/parts.ts'
import { curve } from '../src/update/path/curve.ts'
import { loadCurve, savePoint } from '../src/update/path/curve-files.ts'
import { openPath } from '../src/update/path/curve-path.ts'
import { updateModel } from '../src/update/update.ts'
import { loadUpdate } from '../src/update/update-files.ts'
import { writeBaseline, writeUpdated } from '../src/update/update-writing-files.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { type Storage, storages, storedAs } from './stored-models.ts'

const engine = ortNode()
const old = blobNames.slice(0, 4)
let folder: string
let model: Model

/** Places that overlap, so that many rows lie at a border. */
const rows = (classes: readonly string[], perClass: number, seed: number, turn = 0) =>
  blobCsv(blobs({ classes, perClass, seed, turn, spread: 1.4 }))

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-stored-'))
  model = await blobModel(engine, old)
  for (const name of ['old', 'new', 'added']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'labels.txt'), `${old.join('\n')}\n`)
  writeFileSync(join(folder, 'old/train.csv'), rows(old, 40, 21))
  writeFileSync(join(folder, 'old/test.csv'), rows(old, 250, 22))
  writeFileSync(join(folder, 'new/train.csv'), rows(old, 60, 23, 0.5))
  writeFileSync(join(folder, 'new/test.csv'), rows(old, 60, 24, 0.5))
  writeFileSync(join(folder, 'added/train.csv'), rows(['ebony'], 60, 25))
  writeFileSync(join(folder, 'added/test.csv'), rows(['ebony'], 60, 26))
})
afterAll(() => rm(folder, { recursive: true }))

/** What a file answers, run as it is. */
async function answersOf(path: string, { inputs }: Dataset): Promise<number[]> {
  const session = await engine.load(await readFile(path))
  try {
    const [input = ''] = session.inputs
    const logits = [...(await session.run(new Map([[input, inputs]]))).values()][0]
    const [count = 0, classes = 0] = logits?.dims ?? []
    const data = logits?.data as Float32Array
    return Array.from({ length: count }, (_, row) => {
      const own = data.subarray(row * classes, (row + 1) * classes)
      return own.indexOf(Math.max(...own))
    })
  } finally {
    await session.dispose()
  }
}

async function updated(storage: Storage, fresh: string) {
  const from = join(folder, `${storage}.onnx`.replace(/[ ,]/g, '-'))
  writeFileSync(from, storedAs(model, storage))
  const loaded = await loadUpdate({
    engine,
    model: from,
    fresh: join(folder, fresh),
    old: join(folder, 'old'),
  })
  const budget = { maxDrop: 0.02 }
  const result = await updateModel({
    engine,
    ...loaded.learner,
    data: loaded.data,
    budget,
    rungs: ['whole'],
    epochs: 2,
    learningRate: 1e-2,
  })
  const to = from.replace('.onnx', `-${fresh}.onnx`)
  await writeUpdated(to, loaded, result)
  const proof = assignRows(loaded.data).proof?.inputs
  if (!proof) throw new Error('no old rows')
  return { from, to, loaded, result, proof }
}

describe.each(storages)('a file that keeps its weights as %s', (storage) => {
  test.each(['new', 'added'])('has just the flips that were announced, with %s data', async (fresh) => {
    const { from, to, result, proof } = await updated(storage, fresh)
    const [before, after] = [await answersOf(from, proof), await answersOf(to, proof)]
    const labels = [...classLabels(proof)]
    const right = (answers: readonly number[], row: number) => answers[row] === labels[row]
    expect(result.old).toMatchObject({
      n: labels.length,
      negativeFlips: labels.filter((_, row) => right(before, row) && !right(after, row)).length,
      positiveFlips: labels.filter((_, row) => !right(before, row) && right(after, row)).length,
    })
  })
})

test('the predictions that are written are those of the file', async () => {
  const { to, loaded, result } = await updated('int8, coarse', 'new')
  const path = join(folder, 'next.jsonl')
  await writeBaseline(path, engine, loaded, result)
  const predictions = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).pred)
  const answers = await answersOf(to, loaded.gateData)
  expect(predictions).toEqual(answers.map((unit) => old[unit]))
})

test.each(['int8, coarse', 'float16'] as const)(
  'a curve shows what the file of a point answers: %s',
  async (storage) => {
    const { from, to, proof } = await updated(storage, 'new')
    const loaded = await loadCurve({ from, to, old: join(folder, 'old') })
    const { stored } = loaded
    const result = await curve({
      engine,
      from: loaded.from,
      to: loaded.to.model,
      old: proof,
      stored,
      points: 3,
      pick: 0.4,
    })
    const labels = [...classLabels(proof)]
    const path = await openPath(engine, loaded.from, loaded.to.model, stored)
    for (const [alpha, point] of [
      [0.5, result.points[1]],
      [0.4, result.picked],
    ] as const) {
      const out = join(folder, 'point.onnx')
      await savePoint(out, loaded, path, alpha)
      const answers = await answersOf(out, proof)
      expect(point?.old).toBe(answers.filter((unit, row) => unit === labels[row]).length / labels.length)
    }
    await path.dispose()
  },
)
