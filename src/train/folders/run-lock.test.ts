import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lockRace } from '../../../test/lock-race.ts'
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
  const releases = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
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
  await (await lockFolder(folder))()
  expect(readdirSync(folder)).toEqual([])
})

test('a lock that is another’s by now is not removed with one’s own', async () => {
  const folder = folderFor()
  const release = await lockFolder(folder)
  rmSync(join(folder, 'lock'))
  writeFileSync(join(folder, 'lock'), 'another’s')
  await release()
  expect(existsSync(join(folder, 'lock'))).toBe(true)
})
