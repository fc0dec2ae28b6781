import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCli, type Cli } from './cli.ts'
import { sweep } from './queue-sweep.ts'
import { hasRedis, openTestRedis, type TestRedis } from './redis.ts'
import { begin, childrenOf, pause, until, untilSaid } from './running.ts'

const data = ['--data', 'synthetic', '--limit', '60,20', '--hidden', '4', '--batch', '8']
const grid = (method: string, seeds: string, iterations: number) => [
  ...['split-mnist', '--scenario', 'class', ...data, '--method', method, '--seeds', seeds],
  ...['--iterations', String(iterations), '--checkpoint-every', '40'],
]
/** Iterations with which a run takes some seconds. */
const slow = 600
const quick = grid('none,replay', '1', 4)

let cli: Cli
let redis: TestRedis
let folder: string

describe.skipIf(!hasRedis())('runs over a queue', () => {
  beforeAll(async () => {
    cli = await buildCli()
    redis = await openTestRedis()
    folder = mkdtempSync(join(tmpdir(), 'holdfast-queue-'))
  })
  afterAll(async () => {
    cli.remove()
    await redis.remove()
  })

  const storeFor = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true })
    return name
  }
  const worker = (store: string, ...more: string[]) =>
    begin(cli, ['worker', redis.url, '--store', store, '--jobs', '1', '--lease', '2s', ...more], folder)
  const runsIn = (store: string) =>
    readdirSync(join(folder, store)).filter((name) => name.startsWith('split-'))
  /** What is written of the runs of a store. */
  const eventsIn = (store: string) =>
    runsIn(store)
      .map((name) => join(folder, store, name, 'events.jsonl'))
      .map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''))
      .join('')
  const bench = (words: readonly string[], store: string, ...more: string[]) =>
    begin(cli, ['bench', ...words, '--store', store, '--queue', redis.url, '--json', ...more], folder)

  test('come to the bits of one process while workers are killed and the Redis is gone, each once', async () => {
    const result = await sweep({
      ...{ cli, redis, grid: grid('none,ewc', '1..2', slow), workers: 2, lease: 2 },
      disturb: async ({ begun, wait, killWorker, random }) => {
        await begun()
        killWorker()
        await wait(1 + random())
        await redis.stop()
        await wait(3)
        await redis.start()
        await wait(1 + random())
        killWorker()
      },
    })
    expect(result).toMatchObject({ runs: 4, kills: 2, lost: [], twice: [], different: [] })
    expect(result.said).toMatch(/the Redis at 127\.0\.0\.1:\d+ is gone[\s\S]*is back/)
  }, 240_000)

  test('outlive the client: started again it finds what was done meanwhile, and waits for the rest', async () => {
    const store = storeFor('outlive')
    const words = grid('none', '1..3', 60)
    const first = bench(words, store)
    await until(async () => (await redis.waiting()) === 3, first)
    first.child.kill('SIGKILL')
    await first.ended
    const serving = worker(store)
    await untilSaid(serving, ': begins')
    const second = await bench(words, store).ended
    serving.child.kill('SIGTERM')
    expect(second.code).toBe(0)
    expect(JSON.parse(second.stdout).results).toHaveLength(3)
    // Each was begun once: the second client attached to what was there.
    const said = (await serving.ended).stderr
    expect(said.match(/: begins/g)).toHaveLength(3)
    expect(runsIn(store)).toHaveLength(3)
  }, 120_000)

  test('are given back by a worker that is told to end, and gone on with by the next', async () => {
    const store = storeFor('handed')
    const first = worker(store)
    const client = bench(grid('none', '1', 3 * slow), store)
    await until(() => eventsIn(store).includes('"checkpoint"'), first)
    // However long the step at hand takes, it is waited for.
    const [child] = childrenOf(first)
    process.kill(child ?? 0, 'SIGSTOP')
    first.child.kill('SIGTERM')
    await pause(7000)
    process.kill(child ?? 0, 'SIGCONT')
    expect(await first.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('given back') })
    const second = worker(store)
    expect((await client.ended).code).toBe(0)
    second.child.kill('SIGTERM')
    await second.ended
    expect(eventsIn(store)).toContain('"resumed":true')
  }, 120_000)

  test('that fail are told with their message, are not tried again in vain, and are when asked for again', async () => {
    const store = storeFor('failing')
    const serving = worker(store)
    const words = [...grid('ewc', '1', 4), '--optimiser', 'sgd', '--lr', '1', '--lambda', '1e12']
    for (let turn = 1; turn <= 2; turn++) {
      const ended = await bench(words, store).ended
      expect([ended.code, JSON.parse(ended.stdout).failures]).toMatchObject([
        1,
        [{ error: { code: 'diverged' } }],
      ])
      expect(serving.said().match(/: failed\. Training diverged/g)).toHaveLength(turn)
    }
    serving.child.kill('SIGTERM')
    expect((await serving.ended).stdout).toContain('0 runs finished, 2 failed')
  }, 120_000)

  test('are not taken by a worker with another folder, and both sides say why', async () => {
    const [mine, other] = [storeFor('mine'), storeFor('other')]
    const serving = worker(other)
    await untilSaid(serving, 'Waiting for runs')
    const client = bench(quick, mine)
    await untilSaid(
      client,
      `it has another store: ${join(folder, other)} there is not the folder that is ${join(folder, mine)} here`,
    )
    await untilSaid(serving, 'waits, and this worker does not do it: it has another store')
    client.child.kill('SIGTERM')
    serving.child.kill('SIGTERM')
    await Promise.all([client.ended, serving.ended])
    // What waits is there when who asked is gone.
    const late = await worker(other, '--idle', '3s').ended
    expect(late.stderr).toContain('waits, and this worker does not do it: it has another store')
  })

  test('are in the database that the address names, or in none', async () => {
    const ended = await begin(cli, ['worker', `${redis.url}/99`, '--idle', '1s'], folder).ended
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('error (queue-database)') })
    expect(ended.stderr).toContain('no database 99')
    expect(await begin(cli, ['worker', `${redis.url}/3`, '--idle', '1s'], folder).ended).toMatchObject({
      code: 0,
    })
  })

  test('are not found over TLS where the Redis speaks none, and that is said', async () => {
    const url = redis.url.replace('redis:', 'rediss:')
    const ended = await begin(cli, ['worker', url, '--idle', '1s'], folder).ended
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('error (queue-no-tls)') })
    expect(ended.stderr).toContain('does not answer over TLS')
  })

  test('may be many: they wait for one signal, and nothing is said of a leak', async () => {
    const client = bench(grid('none', '1..30', 4), storeFor('many'))
    const before = await redis.waiting()
    await until(async () => (await redis.waiting()) === before + 30, client)
    client.child.kill('SIGINT')
    const { code, stdout, stderr } = await client.ended
    expect([code, JSON.parse(stdout).unfinished]).toEqual([130, 30])
    expect(stderr).not.toContain('leak')
  })

  test('leave other prefixes alone', async () => {
    const store = storeFor('prefix')
    const serving = worker(store, '--queue-prefix', 'team')
    const client = bench(quick, store)
    await untilSaid(client, 'no worker does these runs yet')
    client.child.kill('SIGKILL')
    await client.ended
    expect((await bench(quick, store, '--queue-prefix', 'team').ended).code).toBe(0)
    serving.child.kill('SIGTERM')
    await serving.ended
  })
})

describe.skipIf(!hasRedis())('a Redis with a password', () => {
  let guarded: TestRedis
  beforeAll(async () => {
    cli = await buildCli()
    guarded = await openTestRedis(() => ['--requirepass', 'right-secret'])
    folder = mkdtempSync(join(tmpdir(), 'holdfast-queue-'))
  })
  afterAll(async () => {
    cli.remove()
    await guarded.remove()
  })
  const work = (url: string, env: Record<string, string> = {}) =>
    begin(cli, ['worker', url, '--idle', '1s'], folder, { HOLDFAST_REDIS_PASSWORD: '', ...env }).ended

  test('is opened with it, from the environment or the address', async () => {
    expect(await work(guarded.url, { HOLDFAST_REDIS_PASSWORD: 'right-secret' })).toMatchObject({ code: 0 })
    const within = guarded.url.replace('redis://', 'redis://:right-secret@')
    const ended = await work(within)
    expect(ended).toMatchObject({ code: 0 })
    expect(ended.stdout + ended.stderr).not.toContain('right-secret')
  })

  test.each([
    ['without one', '', 'none was given'],
    ['with a wrong one', 'wrong-secret', 'the one given is wrong'],
  ])('is refused %s, and no password is shown', async (_, password, why) => {
    const ended = await work(guarded.url, { HOLDFAST_REDIS_PASSWORD: password })
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(`error (queue-password)`) })
    expect(ended.stderr).toContain(why)
    expect(ended.stderr).not.toContain('wrong-secret')
  })
})

describe.skipIf(!hasRedis() || spawnSync('openssl', ['version']).status !== 0)('a Redis over TLS', () => {
  let secure: TestRedis
  let certificate: string
  beforeAll(async () => {
    cli = await buildCli()
    folder = mkdtempSync(join(tmpdir(), 'holdfast-queue-'))
    certificate = join(folder, 'certificate.pem')
    const key = join(folder, 'key.pem')
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ])
    if (made.status !== 0) throw new Error(String(made.stderr))
    secure = await openTestRedis((port) => [
      ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', certificate, '--tls-key-file', key],
    ])
  })
  afterAll(async () => {
    cli.remove()
    await secure.remove()
  })
  const work = (scheme: string, env: Record<string, string>) =>
    begin(cli, ['worker', `${scheme}://127.0.0.1:${secure.port}`, '--idle', '1s'], folder, env).ended

  test('is opened where its certificate is trusted, and else said to be untrusted', async () => {
    expect(await work('rediss', { NODE_EXTRA_CA_CERTS: certificate })).toMatchObject({ code: 0 })
    const untrusted = await work('rediss', {})
    expect(untrusted).toMatchObject({ code: 1, stderr: expect.stringContaining('error (queue-certificate)') })
    expect(untrusted.stderr).toContain('NODE_EXTRA_CA_CERTS')
    const open = await work('redis', {})
    expect(open).toMatchObject({ code: 1, stderr: expect.stringContaining('error (queue-tls)') })
    expect(open.stderr).toContain(
      'speaks TLS, and nothing else on that port: the address begins with rediss://',
    )
  })
})

describe('a Redis that is not there', () => {
  beforeAll(async () => {
    cli = await buildCli()
    folder = mkdtempSync(join(tmpdir(), 'holdfast-queue-'))
  })
  afterAll(() => cli.remove())
  const run = (line: string) => cli.run(line.split(' '), { cwd: folder })

  test.each([
    ['worker redis://:secret@127.0.0.1:1', 'queue-unreachable', 'No Redis answers at 127.0.0.1:1'],
    [`bench ${quick.join(' ')} --queue redis://:secret@127.0.0.1:1`, 'queue-unreachable', '127.0.0.1:1'],
    ['worker http://:secret@127.0.0.1:1', 'queue-address', 'expected redis://HOST:PORT'],
    ['worker redis://:secret@127.0.0.1:1 --store nowhere', 'store-missing', 'there is no such folder'],
    [`bench ${quick.join(' ')} --queue redis://h --no-save`, 'flag-value', '--no-save keeps nothing'],
    [`bench ${quick.join(' ')} --queue redis://h --jobs 2`, 'flag-value', 'give it to holdfast worker'],
  ])('%s', async (line, code, message) => {
    const ended = await run(line)
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(`error (${code})`) })
    expect(ended.stderr).toContain(message)
    expect(ended.stderr).not.toContain('secret')
  })
})
