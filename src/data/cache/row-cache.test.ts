import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { contentKey, openRowCache } from './index-files.ts'
import type { RowCacheOptions } from './row-cache-files.ts'

let root: string
let problems: string[]
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-rows-'))
  problems = []
})
afterEach(() => rm(root, { recursive: true, force: true }))

const open = (more: Partial<RowCacheOptions> = {}) =>
  openRowCache({
    folder: root,
    recipe: 'one',
    mostBytes: 2 ** 20,
    worth: 0,
    onProblem: (reason) => problems.push(reason),
    ...more,
  })
const width = 6
const bytesOf = (content: number) => Uint8Array.from({ length: width }, (_, at) => content * 7 + at)
const row = (content: number) => ({
  key: contentKey(Uint8Array.of(content)),
  marks: content % 32,
  bytes: bytesOf(content),
})
/** Adds rows as one reading of data. */
async function store(contents: readonly number[], more: Partial<RowCacheOptions> = {}): Promise<void> {
  const cache = await open(more)
  await cache.add(contents.map(row), [1, 2, 3], 1)
  await cache.close()
}
/** The contents whose rows are found, each checked. */
async function found(contents: readonly number[], more: Partial<RowCacheOptions> = {}): Promise<number[]> {
  const cache = await open(more)
  const there = contents.filter((content) => {
    const into = new Uint8Array(width)
    const cached = cache.find(row(content).key)
    if (!cached?.read(into)) return false
    expect(cached).toMatchObject({ dims: [1, 2, 3], marks: content % 32 })
    expect(into).toEqual(bytesOf(content))
    return true
  })
  await cache.close()
  return there
}
const files = async () => {
  const [folder] = await readdir(root)
  return folder === undefined
    ? []
    : (await readdir(join(root, folder))).map((name) => join(root, folder, name))
}

describe('rows that were added', () => {
  it('are found by their content, by one recipe, and others are not', async () => {
    await store([1, 2, 3])
    expect(await found([3, 4, 1, 2])).toEqual([3, 1, 2])
    expect(await found([1], { recipe: 'another' })).toEqual([])
  })

  it('of several readings are found together', async () => {
    await store([1, 2])
    await store([3])
    expect(await found([1, 3])).toEqual([1, 3])
    expect(await files()).toHaveLength(2)
  })

  it('are kept where computing them took long enough, those before among them', async () => {
    const cache = await open({ worth: 10 })
    await cache.add([row(1)], [1, 2, 3], 9)
    await cache.add([row(2)], [1, 2, 3], 2)
    await cache.close()
    expect(await found([1, 2])).toEqual([1, 2])
    await store([3], { worth: 10 })
    expect(await found([3])).toEqual([])
  })

  it('of several sizes are found, each with its own', async () => {
    const cache = await open()
    await cache.add([row(1)], [1, 2, 3], 1)
    await cache.add([{ ...row(2), bytes: Uint8Array.of(8, 9) }], [2], 1)
    await cache.close()
    expect(await found([1])).toEqual([1])
    const again = await open()
    const small = new Uint8Array(2)
    expect(again.find(row(2).key)?.read(small)).toBe(true)
    expect([...small]).toEqual([8, 9])
    await again.close()
  })

  it('of two readings at once are whole', async () => {
    const contents = Array.from({ length: 50 }, (_, content) => content)
    await Promise.all([store(contents), store(contents), store([60])])
    expect(await found([...contents, 60])).toEqual([...contents, 60])
    expect((await files()).every((name) => name.endsWith('.rows'))).toBe(true)
  })
})

describe('room', () => {
  it('is made by removing what was not used for longest', async () => {
    await store([1])
    const [first = ''] = await files()
    await store([2])
    const second = (await files()).find((name) => name !== first) ?? ''
    const { size } = await stat(first)
    const [old, older] = [new Date(Date.now() - 10_000), new Date(Date.now() - 20_000)]
    await utimes(first, older, older)
    await utimes(second, old, old)
    // Reading the older of the two makes it the newer.
    expect(await found([1])).toEqual([1])
    await store([3], { mostBytes: 2 * size })
    expect(await found([1, 2, 3])).toEqual([1, 3])
  })

  it('is never taken by a reading that is larger than all of it', async () => {
    await store([1])
    await store([2, 3, 4], { mostBytes: width })
    expect(await found([1, 2])).toEqual([1])
    expect(await files()).toHaveLength(1)
  })

  it('is given back by what a process left that ended while it wrote', async () => {
    await store([1])
    const [first = ''] = await files()
    const left = `${first}.${crypto.randomUUID()}.partial`
    const fresh = `${first}.${crypto.randomUUID()}.partial`
    for (const name of [left, fresh]) await writeFile(name, 'x')
    const before = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000)
    await utimes(left, before, before)
    await store([2])
    const names = await files()
    expect([names.includes(left), names.includes(fresh)]).toEqual([false, true])
  })
})

describe('an entry', () => {
  it('that is damaged anywhere gives no row that is not right, and is removed', async () => {
    const contents = [1, 2, 3, 4]
    await store(contents)
    const [path = ''] = await files()
    const whole = await readFile(path)
    const damage = fc.record({
      at: fc.nat(whole.length - 1),
      change: fc.integer({ min: 1, max: 255 }),
      cut: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, change, cut }) => {
        const damaged = Buffer.from(whole)
        damaged[at] = (damaged[at] ?? 0) ^ change
        await writeFile(path, cut ? whole.subarray(0, at) : damaged)
        // `found` checks each row. What comes before a damaged row is still right.
        expect((await found(contents)).length).toBeLessThan(contents.length)
        expect(await files()).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('that another process removes while it is in use is as if it had not been there', async () => {
    await store([1])
    const cache = await open()
    await rm(root, { recursive: true })
    expect(cache.find(row(1).key)?.read(new Uint8Array(width))).toBe(false)
    await cache.close()
  })
})

it('a place that cannot be written is said once, and disturbs nothing', async () => {
  const file = join(root, 'file')
  await writeFile(file, 'no folder')
  const cache = await open({ folder: file })
  await cache.add([row(1)], [1, 2, 3], 1)
  await cache.add([row(2)], [1, 2, 3], 1)
  await cache.close()
  expect(problems).toEqual([expect.stringMatching(/ENOTDIR|EEXIST/)])
})
