import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { methodEntries } from '../src/methods/registry.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { required } from '../src/required.ts'
import { toNumbers } from '../src/tensor/tensor.ts'
import type { PlanInput } from '../src/train/plan/plan.ts'
import { blobCsv, blobModel, blobNames, blobs } from './blobs.ts'
import { learned } from './learn-runs.ts'
import { engine } from './op-cases.ts'

// A model that was trained elsewhere, and one task that it learns.

const folder = mkdtempSync(join(tmpdir(), 'holdfast-given-model-'))
const at = (name: string) => join(folder, name)
const old = blobNames.slice(0, 3)

/** A run on one task: the same classes at other places, unless said otherwise. */
const run = (
  method: string,
  given: { model?: object; source?: string; options?: object; iterations?: number } = {},
) =>
  learned({
    stream: {
      kind: 'list',
      scenario: given.source ? 'class' : 'domain',
      tasks: [{ name: 'new', source: at(given.source ?? 'new.csv') }],
    },
    model: { kind: 'onnx', path: at('model.onnx'), ...given.model },
    method: { name: method, options: given.options },
    iterations: given.iterations ?? 12,
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

/** The mean distance of a run's probabilities on the new rows from those of the model that it was given. */
async function moved({ model }: { readonly model: Uint8Array }): Promise<number> {
  const { inputs } = blobs({ classes: old, perClass: 20, seed: 1, turn: 1 })
  const [before = [], after = []] = await Promise.all(
    [readFileSync(at('model.onnx')), model].map(async (bytes) => {
      const executable = await engine.load(new Uint8Array(bytes))
      const outputs = await executable.run(new Map([['x', inputs]]))
      await executable.dispose()
      return softmaxed(toNumbers(required(outputs, 'logits', 'output')), old.length)
    }),
  )
  return before.reduce((sum, value, place) => sum + Math.abs(value - (after[place] ?? 0)), 0) / before.length
}

const softmaxed = (logits: readonly number[], width: number): number[] =>
  logits.map((logit, place) => {
    const row = logits.slice(place - (place % width), place - (place % width) + width)
    return Math.exp(logit) / row.reduce((sum, value) => sum + Math.exp(value), 0)
  })

/** Methods for classes that join a head. */
const onClasses: ReadonlySet<string> = new Set(['icarl', 'weight-aligning', 'bic'])

/** Methods whose model has another graph than the file. */
const onOtherGraphs: ReadonlySet<string> = new Set(['ranpac', 'xdg', 'task-lora'])

/** They remember nothing and are no plain training: steps at a point nearby, a correction of new classes, averages, a head that trains first. */
const unlikePlain: ReadonlySet<string> = new Set(['sam', 'weight-aligning', 'ema', 'swa', 'lp-ft'])

describe('a model that was trained elsewhere, and one task', () => {
  it.each(['lwf', 'distil', 'l2-sp'])('is held by %s', async (method) => {
    expect((await run(method)).parametersSha256).not.toBe(plain)
  })

  it('teaches what it says of the new rows', async () => {
    const free = await moved(await run('none'))
    const taught = await moved(await run('lwf', { options: { distillationWeight: 20 } }))
    expect(free).toBeGreaterThan(0.2)
    expect(taught).toBeLessThan(free / 2)
  })

  it('pulls to its own weights', async () => {
    const free = await moved(await run('none'))
    expect(await moved(await run('l2-sp', { options: { lambda: 100 } }))).toBeLessThan(free / 2)
  })

  it.each(methodEntries.map(({ name, past, alone }) => [name, past, alone] as const))(
    'is held by %s where that can be, and refused where it would do nothing',
    async (name, past, alone) => {
      const given = (model: object) =>
        onClasses.has(name) ? { source: 'more.csv', model: { head: 'widen', ...model } } : { model }
      const rows = given({ old: at('old.csv') })
      if (onOtherGraphs.has(name)) {
        const code = expect.objectContaining({ code: 'method-graph' })
        return expect(run(name, rows)).rejects.toThrow(code)
      }
      if (past === 'nothing' && !unlikePlain.has(name)) {
        return expect((await run(name, rows)).parametersSha256).toBe(plain)
      }
      const idle = expect.objectContaining({ code: 'method-idle' })
      if (past === 'training') return expect(run(name, rows)).rejects.toThrow(idle)
      // A nearest mean changes how the head is read, and nothing of what trains.
      const changes = async (given: object) => {
        const { model } = await run(name, given)
        return Buffer.compare(model, (await run('none', given)).model) !== 0
      }
      expect(await changes(rows)).toBe(true)
      if (past === 'rows' && alone === undefined) return expect(run(name)).rejects.toThrow(idle)
      if (name === 'bic') {
        const code = expect.objectContaining({ code: 'bic-rows' })
        return expect(run(name, given({}))).rejects.toThrow(code)
      }
      expect(await changes(given({}))).toBe(true)
    },
  )

  it('is new where the configuration says so', async () => {
    const untrained = { model: { trained: false } }
    expect((await run('lwf', untrained)).parametersSha256).toBe(plain)
    expect((await run('ewc', untrained)).parametersSha256).toBe(plain)
  })

  it('teaches only the classes that it knows', async () => {
    const { result } = await run('lwf', {
      source: 'more.csv',
      model: { head: 'widen' },
      options: { distillationWeight: 100 },
      iterations: 100,
    })
    expect(result.matrix[0]?.[0]).toBeGreaterThan(0.9)
  })

  it('has no answers to teach where its head starts anew, but weights to hold', async () => {
    const replaced = { source: 'more.csv', model: { head: 'replace' } }
    const free = (await run('none', replaced)).parametersSha256
    await expect(run('lwf', replaced)).rejects.toThrow(/model.head: replace/)
    await expect(run('distil', replaced)).rejects.toThrow(/model.head: replace/)
    expect((await run('lwf+l2-sp', replaced)).parametersSha256).not.toBe(free)
  })

  it.each([
    [{ model: { old: 'old.csv', head: 'replace' } }, 'config'],
    [{ model: { old: 'old.csv', trained: false } }, 'config'],
    [{ model: { old: at('more.csv'), head: 'widen' }, source: 'more.csv' }, 'model-data'],
  ])('%o is refused', async (given, code) => {
    await expect(run('ewc', given)).rejects.toThrow(expect.objectContaining({ code }))
  })
})
