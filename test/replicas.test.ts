import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCli, type Cli } from './cli.ts'
import { hasRedis, openTestRedis, type TestRedis } from './redis.ts'
import { begin, childrenOf, pause, type Running, until } from './running.ts'

// One training in several places, whose processes are killed, stopped and begun again.

const plan = `
name: rotated
data: {source: synthetic, limit: {train: 240, test: 40}}
stream: {kind: rotated, angles: [0, 60]}
model: {kind: mlp, hidden: [8]}
method: {name: ewc, options: {lambda: 10}}
iterations: 50
batchSize: 8
`
let cli: Cli
let folder: string
let expected: string

const words = (out: string, ...more: string[]) => [
  ...['learn', 'plan.yaml', '--out', out, '--seed', '3', '--threads', '1', '--json'],
  ...['--replicas', '2', '--local-steps', '5', '--outer-rate', '0.7', '--outer-momentum', '0.9', ...more],
]
const learn = (out: string, ...more: string[]): Running => begin(cli, words(out, ...more), folder)
const sha256Of = (out: string): string => readFileSync(join(folder, out, 'parameters.sha256'), 'utf8')
const eventsOf = (out: string): string => {
  const file = join(folder, out, 'events.jsonl')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
/** What lies in the folder by which replicas of this machine exchange. */
const exchanged = (out: string): string => {
  const exchange = join(folder, out, 'exchange')
  return existsSync(exchange) ? readdirSync(exchange).sort().join() : ''
}
const rounds = (out: string): number => eventsOf(out).match(/"checkpoint"/g)?.length ?? 0
/** Waits until something is the same after a second. */
async function untilStill(what: () => unknown): Promise<void> {
  for (let before: unknown; before !== what(); await pause(1000)) before = what()
}

beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-replicas-'))
  writeFileSync(join(folder, 'plan.yaml'), plan)
  const { code, stdout, stderr } = await learn('undisturbed').ended
  if (code !== 0) throw new Error(stderr)
  expect(JSON.parse(stdout).result.rounds).toMatchObject({ rounds: 20, missed: [] })
  expected = sha256Of('undisturbed')
}, 300_000)
afterAll(() => {
  cli.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe('replicas in processes of this machine', () => {
  test('one of which is killed begin its round again, and end in the same bits', async () => {
    const running = learn('killed-replica')
    await until(() => rounds('killed-replica') >= 3, running)
    const [first] = childrenOf(running)
    // Stopped first, so that it is killed in the middle of a round: without it none ends.
    process.kill(first ?? 0, 'SIGSTOP')
    await untilStill(() => rounds('killed-replica'))
    process.kill(first ?? 0, 'SIGKILL')
    const { code, stderr } = await running.ended
    expect(code).toBe(0)
    expect(stderr).toMatch(/Replica [12] of 2: .*ended by SIGKILL.* It is begun again\./)
    expect(sha256Of('killed-replica')).toBe(expected)
  }, 300_000)

  test('killed altogether go on from the last round to the same bits', async () => {
    const running = learn('killed')
    await until(() => rounds('killed') >= 5, running)
    running.child.kill('SIGKILL')
    await running.ended
    const { code } = await begin(cli, ['resume', 'killed', '--json'], folder).ended
    expect(code).toBe(0)
    expect(eventsOf('killed')).toContain('"resumed":true')
    expect(sha256Of('killed')).toBe(expected)
    expect(existsSync(join(folder, 'killed', 'exchange'))).toBe(false)
  }, 300_000)

  test('one of which stands still are waited for as long as asked, and the result says so', async () => {
    const running = learn('late', '--round-wait', '1s')
    await until(() => rounds('late') >= 3, running)
    const [first] = childrenOf(running)
    // A replica that stands still between rounds, whoever asks it for the next: in the middle of one it may just have delivered.
    running.child.kill('SIGSTOP')
    await untilStill(() => exchanged('late'))
    process.kill(first ?? 0, 'SIGSTOP')
    running.child.kill('SIGCONT')
    const { code, stdout } = await running.ended
    expect(code).toBe(0)
    const { rounds: said } = JSON.parse(stdout).result
    expect(said.missed.length).toBeGreaterThan(0)
    expect(said.missed[0].replicas).toHaveLength(1)
    expect(sha256Of('late')).not.toBe(expected)
  }, 300_000)
})

describe.skipIf(!hasRedis())('replicas over a queue', () => {
  let redis: TestRedis
  const worker = (store: string): Running =>
    begin(cli, ['worker', redis.url, '--store', store, '--jobs', '1', '--lease', '4s'], folder)
  const queued = (out: string, store: string, ...more: string[]): Running =>
    learn(out, '--queue', redis.url, '--store', store, ...more)

  beforeAll(async () => {
    redis = await openTestRedis()
    for (const store of ['crew', 'wild']) mkdirSync(join(folder, store))
  })
  afterAll(() => redis.remove())

  test('come to the bits of one machine, also where a worker and then the client are killed', async () => {
    const crew = [worker('crew'), worker('crew')]
    const first = queued('by-queue', 'crew')
    await until(() => rounds('by-queue') >= 3, first)
    crew[0]?.child.kill('SIGKILL')
    crew.push(worker('crew'))
    await until(() => rounds('by-queue') >= 6, first)
    first.child.kill('SIGKILL')
    await first.ended
    const { code, stdout, stderr } = await queued('by-queue', 'crew').ended
    expect([code, stderr]).toMatchObject([0, expect.stringContaining('Going on from the last checkpoint.')])
    expect(JSON.parse(stdout).result.rounds).toMatchObject({ rounds: 20, missed: [] })
    expect(sha256Of('by-queue')).toBe(expected)
    for (const { child } of crew) child.kill('SIGTERM')
    const ends = await Promise.all(crew.map(({ ended }) => ended))
    expect(ends.map(({ stdout: said }) => said).join()).toMatch(/0 runs finished, \d+ parts of rounds done/)
  }, 300_000)

  test('that diverge end the run with what they say, and not with a mean of the others', async () => {
    const crew = [worker('wild')]
    writeFileSync(
      join(folder, 'wild.yaml'),
      `${plan.replace('lambda: 10', 'lambda: 1e12')}learningRate: 1\noptimiser: {name: sgd}\n`,
    )
    const { code, stderr } = await begin(
      cli,
      [
        ...['learn', 'wild.yaml', '--out', 'diverging', '--replicas', '2', '--local-steps', '5'],
        ...['--queue', redis.url, '--store', 'wild'],
      ],
      folder,
    ).ended
    expect([code, stderr]).toEqual([1, expect.stringMatching(/error \(diverged\): Training diverged/)])
    for (const { child } of crew) child.kill('SIGTERM')
    await Promise.all(crew.map(({ ended }) => ended))
  }, 300_000)

  test('stopped by Ctrl-C where no worker is say how to go on', async () => {
    const running = queued('no-crew', 'stopped')
    await until(() => running.said().includes('no worker'), running)
    running.child.kill('SIGINT')
    const { code, stderr } = await running.ended
    expect([code, stderr]).toEqual([130, expect.stringContaining('Stopped in the middle of a round')])
  }, 300_000)

  test('are looked at as often as it takes, and nothing is said of a leak', async () => {
    const running = queued('looked-at', 'stopped', '--round-wait', '1s')
    await until(() => running.said().includes('no worker'), running)
    // More looks than a signal has listeners without a word of it.
    await pause(7000)
    running.child.kill('SIGINT')
    expect((await running.ended).stderr).not.toContain('leak')
  }, 300_000)
})
