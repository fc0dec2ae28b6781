import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import type { PlanInput } from '../src/train/plan/plan.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { learned } from './learn-runs.ts'
import { engine } from './op-cases.ts'

// A model that was trained elsewhere, and one task that it learns.

const folder = mkdtempSync(join(tmpdir(), 'holdfast-given-model-'))
const at = (name: string) => join(folder, name)
const old = blobNames.slice(0, 3)

/** A run on one task: the same classes at other places, unless said otherwise. */
const run = (method: string, given: { model?: object; source?: string; options?: object } = {}) =>
  learned({
    stream: {
      kind: 'list',
      scenario: given.source ? 'class' : 'domain',
      tasks: [{ name: 'new', source: at(given.source ?? 'new.csv') }],
    },
    model: { kind: 'onnx', path: at('model.onnx'), ...given.model },
    method: { name: method, options: given.options },
    iterations: 12,
    batchSize: 16,
    learningRate: 0.01,
  } as PlanInput)

let plain: string

beforeAll(async () => {
  writeFileSync(at('model.onnx'), modelToOnnx(await blobModel(engine, old)))
  const rows = (classes: readonly string[], seed: number, turn: number) =>
    blobCsv(blobs({ classes, perClass: 20, seed, turn, spread: 0.5 }))
  writeFileSync(at('new.csv'), rows(old, 1, 1))
  writeFileSync(at('old.csv'), rows(old, 2, 0))
  writeFileSync(at('more.csv'), rows(blobNames.slice(2, 4), 3, 0))
  plain = (await run('none')).parametersSha256
})

describe('a model that was trained elsewhere, and one task', () => {
  it.each(['lwf', 'distil', 'l2-sp'])('is held by %s', async (method) => {
    expect((await run(method)).parametersSha256).not.toBe(plain)
  })
})
