import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { describe, expect, test, vi } from 'vitest'
import type { RunEvent } from '../../train/folders/index.ts'
import { failureIn, failureText, queueName } from './jobs.ts'
import { joinPeers, mismatch, type Peer } from './peers-node.ts'
import { latestAtATime } from './progress-node.ts'
import { STORE_FILE, storeId } from './store-id-files.ts'

const peer: Peer = {
  ...{ role: 'worker', host: 'node1', pid: 1, queue: 'a', store: '/here', storeId: 'x' },
  versions: { holdfast: '0.1.0', code: 'abc', node: '20.1.0', onnxruntime: '1.0.0' },
}

describe('who does whose runs', () => {
  test('those of one queue do, whatever patch of Node they have', () => {
    const other = { ...peer, versions: { ...peer.versions, node: '20.9.0' } }
    expect(mismatch(peer, other)).toBeUndefined()
    expect(mismatch(peer, { ...other, queue: 'b', store: '/there' })).toBe(
      'it has another store: /there there is not the folder that is /here here',
    )
  })

  test.each([
    [{ code: 'def' }, 'code def there, abc here'],
    [{ holdfast: '0.2.0' }, 'holdfast 0.2.0 there, 0.1.0 here'],
    [{ node: '22.0.0' }, 'node 22.0.0 there, 20.1.0 here'],
  ])('those of another version do not: %j', (versions, said) => {
    const other = { ...peer, queue: 'b', versions: { ...peer.versions, ...versions } }
    expect(mismatch(peer, other)).toBe(`it is of another version (${said})`)
  })

  test('a queue is that of one store and one set of versions', () => {
    expect(queueName('a', 'b')).toBe(queueName('a', 'b'))
    expect(new Set([queueName('a', 'b'), queueName('a', 'c'), queueName('b', 'b')]).size).toBe(3)
  })
})

describe('who is at a Redis', () => {
  /** What is kept there of one who comes, is there half a minute, and leaves; each time by its key. */
  async function keysOf(role: Peer['role'], waiting: number) {
    vi.useFakeTimers()
    const written: string[] = []
    const removed: string[] = []
    const one = (keys: string[]) => async (key: string) => void keys.push(key)
    const counted = async () => waiting
    const calls = { set: one(written), hset: one(written), del: one(removed), hdel: one(removed) }
    try {
      const redis = { ...calls, llen: counted, zcard: async () => 0 } as unknown as Redis
      const { leave } = await joinPeers(redis, 'mine', { ...peer, role })
      await vi.advanceTimersByTimeAsync(30_000)
      await leave()
      await vi.advanceTimersByTimeAsync(30_000)
    } finally {
      vi.useRealTimers()
    }
    return { written, removed }
  }

  test('a worker has a key of its own, which it renews until it leaves', async () => {
    const { written, removed } = await keysOf('worker', 1)
    expect(written).toHaveLength(4)
    expect(written[0]).toMatch(/^mine:peers:/)
    expect([...new Set(written)]).toEqual(removed)
  })

  test('a client says again and again whose queue it asks, as another that leaves may have taken that away', async () => {
    const asked = Array.from({ length: 4 }, () => 'mine:asked')
    expect(await keysOf('client', 0)).toEqual({ written: asked, removed: ['mine:asked'] })
    expect(await keysOf('client', 1)).toEqual({ written: asked, removed: [] })
  })
})

test('errors come through a queue as code and message', () => {
  expect(failureIn(failureText('diverged', 'Training diverged.\nAt step 3.'))).toEqual({
    code: 'diverged',
    message: 'Training diverged.\nAt step 3.',
  })
  expect(failureIn('job stalled more than allowable limit')).toMatchObject({ code: 'worker-lost' })
  expect(failureIn('no such thing')).toEqual({ code: 'worker-failed', message: 'no such thing' })
})

describe('what a store is told by', () => {
  test('is drawn once, however many come first', async () => {
    const store = mkdtempSync(join(tmpdir(), 'holdfast-id-'))
    const ids = await Promise.all(Array.from({ length: 20 }, () => storeId(store)))
    expect(new Set(ids).size).toBe(1)
    expect(readdirSync(store)).toEqual([STORE_FILE])
  })

  test('is refused where it is damaged', async () => {
    const store = mkdtempSync(join(tmpdir(), 'holdfast-id-'))
    writeFileSync(join(store, STORE_FILE), '{}')
    await expect(storeId(store)).rejects.toMatchObject({ code: 'store-damaged' })
  })
})

const progress = (step: number): RunEvent => ({
  ...{ type: 'progress', task: 0, step, of: 9, losses: {}, stepsPerSecond: 1 },
})

describe('how runs go, told to others', () => {
  test('is told by the latest, and the first of a run always', async () => {
    const sent: string[] = []
    const tell = latestAtATime(async (event) => {
      sent.push(event.type === 'progress' ? String(event.step) : event.type)
    })
    tell({ type: 'started', tasks: ['a'], steps: 9, resumed: false })
    for (let step = 1; step <= 5; step++) tell(progress(step))
    await new Promise((resolve) => setTimeout(resolve, 1200))
    expect(sent).toEqual(['started', '5'])
  })

  test('is not told while it cannot be sent, and stops nothing', async () => {
    let tries = 0
    const tell = latestAtATime(() => {
      tries++
      return new Promise(() => undefined)
    })
    for (let step = 1; step <= 5; step++) tell(progress(step))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(tries).toBe(1)
  })
})
