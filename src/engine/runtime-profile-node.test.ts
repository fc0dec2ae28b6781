import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeGraph } from '../onnx/encode.ts'
import { float32 } from '../tensor/tensor.ts'
import { ortNode } from './ort-node.ts'
import { alignedEvents, profileSessions, type SessionProfile } from './runtime-profile-node.ts'

const squared = encodeGraph({
  name: 'squared',
  inputs: [{ name: 'x', type: 'float32', dims: [2, 2] }],
  outputs: [{ name: 'y', type: 'float32', dims: [2, 2] }],
  initializers: new Map(),
  nodes: [{ op: 'MatMul', domain: '', name: 'product', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
})
const x = new Map([['x', float32([2, 2], [1, 2, 3, 4])]])

describe("the runtime's own profile", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-runtime-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('tells the nodes of each run, inside the calls that ran them, and leaves no file', async () => {
    const found: SessionProfile[] = []
    const { collect, end } = profileSessions(folder, 'test', (profile) => found.push(profile))
    const calls: [number, number][] = []
    try {
      const executable = await ortNode({ threads: 1 }).load(squared)
      for (let run = 0; run < 3; run++) {
        const began = performance.now()
        const { data } = (await executable.run(x)).get('y') ?? float32([0])
        calls.push([began, performance.now()])
        expect([...(data as Float32Array)]).toEqual([7, 10, 15, 22])
      }
      collect()
      // It goes on without a profile.
      await executable.run(x)
      await executable.dispose()
    } finally {
      end()
    }
    expect(found).toMatchObject([{ session: 1, graph: 'squared', cut: false }])
    const products = found.flatMap(({ events }) => events.filter(({ name }) => name === 'MatMul'))
    expect(products).toHaveLength(calls.length)
    products.forEach(({ began, milliseconds, details }, at) => {
      const [from = Number.NaN, to = Number.NaN] = calls[at] ?? []
      expect(began).toBeGreaterThanOrEqual(from)
      expect(began + milliseconds).toBeLessThanOrEqual(to)
      expect(details).toMatchObject({ node: 'product', provider: 'CPUExecutionProvider' })
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('is not asked for where nobody does', async () => {
    const executable = await ortNode({ threads: 1 }).load(squared)
    await executable.run(x)
    await executable.dispose()
    expect(await readdir(folder)).toEqual([])
  })
})

describe("the runtime's clock", () => {
  const raw = [
    { name: 'session_initialization', ts: 0, dur: 2000 },
    { name: 'model_run', ts: 10_000, dur: 1000 },
    { name: 'model_run', ts: 20_000, dur: 1000 },
  ]
  const starts = (events: ReturnType<typeof alignedEvents>) => events.map(({ began }) => began)

  it('is set by the call that returned soonest after its run was over', () => {
    // It began at 105: the first run was over at 116, the second at 126.
    expect(starts(alignedEvents(raw, { began: 100, opened: 120, ends: [119, 126.5] }))).toEqual([
      105.5, 115.5, 125.5,
    ])
  })

  it('is set by the opening alone where runs cannot be told apart, and never before it', () => {
    expect(starts(alignedEvents(raw, { began: 100, opened: 104, ends: [119] }))).toEqual([102, 112, 122])
    expect(starts(alignedEvents(raw, { began: 100, opened: 101, ends: [] }))).toEqual([100, 110, 120])
  })
})
