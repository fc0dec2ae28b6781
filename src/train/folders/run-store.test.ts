import { existsSync, mkdtempSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { syntheticDigits } from '../../data/catalogue/synthetic.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { parsePlan, type RunPlan } from '../plan/plan.ts'
import { preparePlan } from '../plan/prepare.ts'
import { runIdentity } from './run-config-files.ts'
import { openRunFolder } from './run-folder-files.ts'
import { runInStore, runName } from './run-store-files.ts'
import { runVersions } from './versions-files.ts'

const engine = ortNode({ threads: 1 })
const inputs = { data: [syntheticDigits({ train: 60, test: 20 })] }
const plan = (seed = 1): RunPlan =>
  parsePlan({
    ...{ name: 'tiny', data: { source: 'synthetic' }, stream: { kind: 'split' }, seed, threads: 1 },
    ...{ model: { kind: 'mlp', hidden: [4] }, iterations: 3, batchSize: 8 },
  })
const storeFor = () => mkdtempSync(join(tmpdir(), 'holdfast-store-'))

async function run(store: string, seed = 1, signal?: AbortSignal, hear: (type: string) => void = () => {}) {
  const loaded = { plan: plan(seed), inputs, dataSha256: 'same', modelFile: undefined, beside: new Map() }
  const prepare = () => preparePlan(loaded.plan, inputs)
  const events = runInStore(loaded, { engine, store, verb: 'bench', signal, prepare })
  const types: string[] = []
  for (;;) {
    const next = await events.next()
    if (next.done) return { types, outcome: next.value }
    types.push(next.value.type)
    hear(next.value.type)
  }
}

test('a run is done once, and is then taken as it is', async () => {
  const store = storeFor()
  const first = await run(store)
  const again = await run(store)
  expect(first.outcome).toMatchObject({ status: 'finished', kept: false })
  expect(again).toEqual({ types: [], outcome: { ...first.outcome, kept: true } })
  expect(await readdir(store)).toEqual([runName(plan(), 'same', engine).name])
})

test('two that do the same run by accident come to the same, one of them by waiting', async () => {
  const store = storeFor()
  const both = await Promise.all([run(store), run(store)])
  expect(both.map(({ outcome }) => outcome.status === 'finished' && outcome.kept).sort()).toEqual([
    false,
    true,
  ])
  expect(both.filter(({ types }) => types.includes('elsewhere'))).toHaveLength(1)
  const [one, other] = both.map(({ outcome }) => outcome.status === 'finished' && outcome.result)
  expect(one).toEqual(other)
})

test('one that waits takes over where the other gives up', async () => {
  const store = storeFor()
  const { name } = runName(plan(), 'same', engine)
  const held = await openRunFolder(join(store, name), {
    ...{ format: 'holdfast-run', version: 1, verb: 'bench', plan: plan(), dataSha256: 'same' },
    versions: runVersions(engine),
  })
  let given: Promise<void> | undefined
  const taken = await run(store, 1, undefined, (type) => {
    if (type === 'elsewhere') given = held.close()
  })
  expect(given).toBeDefined()
  await given
  expect(taken).toMatchObject({ outcome: { status: 'finished', kept: false } })
})

test('one that waits stops when it is told to', async () => {
  const store = storeFor()
  const { name } = runName(plan(), 'same', engine)
  const held = await openRunFolder(join(store, name), {
    ...{ format: 'holdfast-run', version: 1, verb: 'bench', plan: plan(), dataSha256: 'same' },
    versions: runVersions(engine),
  })
  const controller = new AbortController()
  const waiting = run(store, 1, controller.signal, () => controller.abort())
  expect(await waiting).toEqual({ types: ['elsewhere'], outcome: { status: 'interrupted' } })
  await held.close()
  expect(existsSync(join(store, name, 'result.json'))).toBe(false)
})

test('an identity is settings, data and versions, but not where files lie, nor a patch of Node', () => {
  const base = { plan: plan(), dataSha256: 'same', versions: { holdfast: '1', node: '20.1.0', code: 'a' } }
  const identity = runIdentity(base)
  const placed = (source: string): RunPlan => ({ ...plan(), data: { ...plan().data, source } })
  expect(runIdentity({ ...base, versions: { ...base.versions, node: '20.9.9' } })).toBe(identity)
  expect(runIdentity({ ...base, plan: placed('/a') })).toBe(runIdentity({ ...base, plan: placed('/b') }))
  for (const other of [
    { ...base, plan: plan(2) },
    { ...base, dataSha256: 'other' },
    { ...base, versions: { ...base.versions, code: 'b' } },
    { ...base, versions: { ...base.versions, holdfast: '2' } },
    { ...base, versions: { ...base.versions, node: '22.1.0' } },
  ]) {
    expect(runIdentity(other)).not.toBe(identity)
  }
})

test('nor where the teachers of a student lie', () => {
  const taught = (folder: string, unlabelled = `${folder}/more.csv`): RunPlan =>
    parsePlan({
      ...{ name: 'taught', seed: 1, threads: 1, iterations: 3, batchSize: 8 },
      stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'all', source: `${folder}/rows.csv` }] },
      ...{ model: { kind: 'mlp', hidden: [4] }, method: { name: 'distil' } },
      distil: { teachers: [`${folder}/a.onnx`, `${folder}/b.onnx`], unlabelled },
    })
  const identity = (given: RunPlan) => runIdentity({ plan: given, dataSha256: 'same', versions: {} })
  expect(identity(taught('/there'))).toBe(identity(taught('/here')))
  expect(identity(taught('/here', 'synthetic'))).not.toBe(identity(taught('/here')))
})
