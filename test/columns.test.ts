import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { loadGate } from '../src/update/gate/gate-files.ts'
import { extendFile, keepFile, mergeFiles } from '../src/update/pack/keep-files.ts'
import { readPack } from '../src/update/pack/pack-files.ts'
import { loadCurve } from '../src/update/path/curve-files.ts'
import { loadUpdate } from '../src/update/update-files.ts'

const engine = ortNode({ threads: 1 })
let root: string
let model: string
let made = 0

const put = (name: string, text: string | Uint8Array): string => {
  const path = join(root, name)
  writeFileSync(path, text)
  return path
}

/** Rows under a header; the number in a cell tells its column and its row. */
function table(columns: readonly string[], start = 0): string {
  const places: Record<string, number> = { width: 100, height: 200, weight: 300 }
  const lines = Array.from({ length: 20 }, (_, row) =>
    [...columns.map((name) => (places[name] ?? 300) + start + row), row % 2 ? 'dog' : 'cat'].join(','),
  )
  return put(`data-${made++}.csv`, [[...columns, 'label'].join(','), ...lines, ''].join('\n'))
}

const keep = async (columns: readonly string[]): Promise<string> => {
  const out = join(root, `pack-${made++}.keep`)
  await keepFile({ engine, model, data: table(columns), out, fisher: false })
  return out
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-columns-'))
  const net = { ...mlp({ widths: [3, 2], seed: 1 }), classes: ['cat', 'dog'] }
  model = put('model.onnx', modelToOnnx(net))
})
afterAll(() => rmSync(root, { recursive: true }))

const columns = ['width', 'height', 'weight']

describe('a pack', () => {
  test('keeps the names of the columns that its rows are made of', async () => {
    expect((await readPack(await keep(columns))).columns).toEqual(columns)
  })

  test('is read beside data of the same columns, in its order', async () => {
    const fresh = table(['weight', 'width', 'height'], 20)
    const { data, notes } = await loadUpdate({ engine, model, fresh, keep: await keep(columns) })
    expect([...data.train.inputs.data].slice(0, 3).map((value) => Math.floor(Number(value) / 100))).toEqual([
      1, 2, 3,
    ])
    expect(notes.join('\n')).toContain('its columns stand in another order than those of')
  })

  test('is not read beside data of other columns in the same places', async () => {
    const pack = await keep(columns)
    const fresh = table(['width', 'height', 'mass'], 20)
    const message =
      /its columns are not those of .*\.keep.*: weight is missing, mass is not among them.*\(featureColumns\)/s
    await expect(loadUpdate({ engine, model, fresh, keep: pack })).rejects.toThrow(message)
    const out = join(root, 'next.keep')
    await expect(extendFile(pack, { engine, model, data: fresh, out })).rejects.toThrow(message)
  })

  test('takes other names where the caller says which columns the model reads', async () => {
    const { notes } = await loadUpdate({
      engine,
      model,
      fresh: table(['mass', 'width', 'height'], 20),
      keep: await keep(columns),
      reading: { columns: { features: ['width', 'height', 'mass'] } },
    })
    expect(notes.join('\n')).toMatch(/warning: .*weight is missing, mass is not among them/)
  })

  test('says nothing of columns where the data have no names for them', async () => {
    const rows = Array.from({ length: 20 }, (_, row) => `${row},1,2,${row % 2 ? 'dog' : 'cat'}\n`).join('')
    const reading = { columns: { header: false, label: '3' } }
    const { notes } = await loadUpdate({
      engine,
      model,
      fresh: put('bare.csv', rows),
      keep: await keep(columns),
      reading,
    })
    expect(notes.join('\n')).not.toContain('its columns')
  })

  test('merges with one of the same columns alone', async () => {
    const packs = [await keep(columns), await keep(['width', 'height', 'mass'])]
    await expect(mergeFiles(packs, join(root, 'both.keep'))).rejects.toThrow(/differ in columns/)
  })
})

describe('two sets of data for one model', () => {
  test('have the same columns in every verb', async () => {
    const [old, fresh] = [table(columns), table(['width', 'height', 'mass'])]
    const message = /weight is missing, mass is not among them/
    await expect(loadUpdate({ engine, model, fresh, old })).rejects.toThrow(message)
    const unlabelled = put('unlabelled.csv', 'width,height,mass\n1,2,3\n')
    await expect(loadUpdate({ engine, model, fresh: old, unlabelled })).rejects.toThrow(message)
    await expect(loadCurve({ from: model, to: model, old, new: fresh })).rejects.toThrow(message)
    const gate = await loadGate({ engine, baseline: model, candidate: model, data: old })
    const flip = { id: '0', label: 'cat', from: 'cat', to: 'dog' } as never
    await expect(gate.nearestNew(fresh, [flip])).rejects.toThrow(message)
  })
})
