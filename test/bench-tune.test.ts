import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BenchResult } from '../src/measure/results.ts'
import { buildCli, type Cli } from './cli.ts'
import { hasRedis, openTestRedis } from './redis.ts'
import { begin } from './running.ts'

// Settings that are chosen by trials, which several processes share.

let cli: Cli
let folder: string
let expected: BenchResult

const words = [
  ...['bench', 'split-mnist', '--scenario', 'class', '--method', 'ewc', '--seeds', '1..2', '--tune', '8'],
  ...['--data', 'synthetic', '--limit', '60,20', '--hidden', '4', '--batch', '8', '--iterations', '8'],
]
const bench = (store: string, ...more: string[]) =>
  begin(cli, [...words, '--store', store, '--json', ...more], folder).ended
/** What does not depend on the clock. */
const timeless = ({ results, tuning }: BenchResult) => ({
  tuning,
  results: results.map(({ seconds: _, ...rest }) => rest),
})
/** How often each run of a store was begun. */
const begun = (store: string): number[] =>
  readdirSync(join(folder, store))
    .filter((name) => name.startsWith('split-mnist-'))
    .map(
      (name) =>
        readFileSync(join(folder, store, name, 'events.jsonl'), 'utf8').match(/"started"/g)?.length ?? 0,
    )

beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-tune-'))
  const { code, stdout, stderr } = await bench('alone', '--jobs', '1')
  if (code !== 0) throw new Error(stderr)
  expected = JSON.parse(stdout)
  // Two of eight go on to all steps, and the protocol's own settings.
  expect(expected.tuning?.[0]?.trials.length).toBeGreaterThanOrEqual(10)
}, 300_000)
afterAll(() => {
  cli.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe('a tuning', () => {
  test('in two parts at once has each trial once, and all parts and collect know what was chosen', async () => {
    const part = (which: string) => bench('parts', '--shard', which, '--jobs', '1')
    const ends = await Promise.all([part('1/2'), part('2/2')])
    expect(ends.map(({ code }) => code)).toEqual([0, 0])
    expect(ends.map(({ stdout }) => JSON.parse(stdout).tuning)).toEqual([expected.tuning, expected.tuning])
    expect(begun('parts')).toEqual(begun('alone'))
    const { stdout, code } = await begin(cli, ['collect', 'parts', '--json'], folder).ended
    expect([code, timeless(JSON.parse(stdout).benchmarks[0])]).toEqual([0, timeless(expected)])
  }, 300_000)

  test.skipIf(!hasRedis())(
    'over a queue is the same',
    async () => {
      const redis = await openTestRedis()
      mkdirSync(join(folder, 'queued'))
      const worker = begin(cli, ['worker', redis.url, '--store', 'queued', '--jobs', '1'], folder)
      const { code, stdout } = await bench('queued', '--queue', redis.url)
      worker.child.kill('SIGTERM')
      await worker.ended
      await redis.remove()
      expect([code, timeless(JSON.parse(stdout))]).toEqual([0, timeless(expected)])
      expect(begun('queued')).toEqual(begun('alone'))
    },
    300_000,
  )
})
