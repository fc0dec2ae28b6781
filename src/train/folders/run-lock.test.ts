import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lockRace } from '../../../test/lock-race.ts'
import { lockOutput } from './output-lock-files.ts'
import { claimOn, lockFolder } from './run-lock-files.ts'

const folderFor = () => mkdtempSync(join(tmpdir(), 'holdfast-lock-'))

/** The lock of a process that has ended. */
function leftOver(): string {
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  return JSON.stringify({ pid, host: hostname(), started: '1', nonce: 'gone' })
}

/** Takes a folder many times at once in this process. */
async function crowd(folder: string, size: number) {
  const answers = await Promise.allSettled(Array.from({ length: size }, () => lockFolder(folder)))
  const releases = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.giveBack] : []))
  const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []))
  return { releases, refusals }
}

describe('a folder has one holder', () => {
  test.each([
    ['where a process that is gone left its lock', leftOver()],
    ['where something left a lock that nobody can read', 'no lock'],
    ['where there is no lock', undefined],
  ])('of many processes, %s', async (_, left) => {
    const { holders, refusals } = await lockRace({ rounds: 40, processes: 4, leftOver: left })
    expect(Object.fromEntries(holders)).toEqual({ 1: 40 })
    expect(Object.fromEntries(refusals)).toEqual({ 'run-in-use': 120 })
  })

  test.each([undefined, leftOver()])('of many takers in one process', async (left) => {
    const folder = folderFor()
    for (let round = 0; round < 20; round++) {
      if (left !== undefined) writeFileSync(join(folder, 'lock'), left)
      const { releases, refusals } = await crowd(folder, 8)
      expect([releases.length, new Set(refusals)]).toEqual([1, new Set(['run-in-use'])])
      for (const release of releases) await release()
      expect(readdirSync(folder)).toEqual([])
    }
  })
})

test('a process that died while it took a left-over does not keep others out', async () => {
  const folder = folderFor()
  const [lock, gone] = [join(folder, 'lock'), leftOver()]
  writeFileSync(lock, gone)
  // Whoever is to replace a lock holds the claim on it first; here that holder is gone as well.
  writeFileSync(claimOn(lock, gone), leftOver())
  await (await lockFolder(folder)).giveBack()
  expect(readdirSync(folder)).toEqual([])
})

test('a lock that is another’s by now is not removed with one’s own', async () => {
  const folder = folderFor()
  const lock = await lockFolder(folder)
  rmSync(join(folder, 'lock'))
  writeFileSync(join(folder, 'lock'), 'another’s')
  await expect(lock.check()).rejects.toMatchObject({ code: 'run-lost' })
  await lock.giveBack()
  expect(existsSync(join(folder, 'lock'))).toBe(true)
})

describe('a lock of another machine', () => {
  /** Seconds. */
  const lease = 0.3
  const elsewhere = { pid: 1, host: 'elsewhere', started: null, nonce: 'theirs' }
  const folderOf = (holder: object) => {
    const folder = folderFor()
    writeFileSync(join(folder, 'lock'), JSON.stringify(holder))
    return folder
  }

  test('stands while it is touched', async () => {
    const folder = folderOf({ ...elsewhere, machine: 'elsewhere', lease })
    const touching = setInterval(() => utimesSync(join(folder, 'lock'), new Date(), new Date()), 50)
    try {
      await expect(lockFolder(folder)).rejects.toThrow(/in use by process 1 on elsewhere/)
    } finally {
      clearInterval(touching)
    }
  })

  test('is left behind when nobody has touched it for its lease', async () => {
    const folder = folderOf({ ...elsewhere, machine: 'elsewhere', lease })
    const lock = await lockFolder(folder)
    await expect(lock.check()).resolves.toBeUndefined()
    await lock.giveBack()
    expect(readdirSync(folder)).toEqual([])
  })

  test('stands for ever where it is one of old, which nobody touches', async () => {
    await expect(lockFolder(folderOf(elsewhere))).rejects.toMatchObject({ code: 'run-in-use' })
  })

  test('that bears the name of this one counts as another’s', async () => {
    // A container with the same name, in which this process's number is another's.
    const twin = { ...elsewhere, pid: process.pid, host: hostname(), machine: `${hostname()} twin`, lease }
    const folder = folderOf(twin)
    const touching = setInterval(() => utimesSync(join(folder, 'lock'), new Date(), new Date()), 50)
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'run-in-use' })
    clearInterval(touching)
    await (await lockFolder(folder)).giveBack()
  })

  test('is touched by who holds it', async () => {
    const folder = folderFor()
    const lock = await lockFolder(folder, lease)
    const text = readFileSync(join(folder, 'lock'), 'utf8')
    writeFileSync(join(folder, 'lock'), text.replace(/"machine":"[^"]*"/, '"machine":"elsewhere"'))
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'run-in-use' })
    await lock.giveBack()
  })
})

test('the place of a file has one holder, beside which others in the folder are free', async () => {
  const folder = folderFor()
  const file = join(folder, 'better.onnx')
  const first = await lockOutput(file, '-o better.onnx')
  await expect(lockOutput(file, '-o better.onnx')).rejects.toMatchObject({
    code: 'out-in-use',
    message: `-o better.onnx is in use by process ${process.pid}. Wait until it ends, or name another place; if it is gone for good, remove ${join(folder, '.better.onnx.lock')}.`,
  })
  const other = await lockOutput(join(folder, 'other.onnx'))
  await other.giveBack()
  await first.giveBack()
  const second = await lockOutput(file)
  second.leave()
  expect(readdirSync(folder)).toEqual([])
  await second.giveBack()
})
