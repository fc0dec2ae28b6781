import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** Whether tests over a queue can run here. Where they cannot it is said aloud, once a file. */
export function hasRedis(): boolean {
  const found = spawnSync('redis-server', ['--version']).status === 0
  if (!found) {
    const line = '!'.repeat(76)
    console.warn(
      `${line}\nSKIPPED: redis-server is not installed, so nothing over a queue is tested (apt-get install redis-server).\n${line}`,
    )
  }
  return found
}

/** A Redis of its own, on a free port of the loopback, that keeps what it holds when it is stopped. */
export interface TestRedis {
  readonly port: number
  readonly url: string
  start(): Promise<void>
  stop(): Promise<void>
  /** How many jobs wait for a worker, in all queues. */
  waiting(): Promise<number>
  remove(): Promise<void>
}

/** @param flags further ones of the server, for its port */
export async function openTestRedis(
  flags: (port: number) => readonly string[] = () => [],
): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined
  const start = async () => {
    const words = [
      ...[
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--save',
        '',
        '--appendonly',
        'yes',
      ],
      ...['--daemonize', 'no', '--maxmemory-policy', 'noeviction'],
      ...flags(port),
    ]
    server = spawn('redis-server', words, { stdio: 'ignore' })
    await listening(port)
  }
  const stop = async () => {
    const running = server
    server = undefined
    if (!running || running.exitCode !== null) return
    running.kill('SIGTERM')
    await once(running, 'exit')
  }
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    waiting: () => jobsWaiting(port),
    remove: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function jobsWaiting(port: number): Promise<number> {
  const redis = new Redis(port)
  try {
    const queues = await redis.keys('*:prioritized')
    const counts = await Promise.all(queues.map((queue) => redis.zcard(queue)))
    return counts.reduce((sum, count) => sum + count, 0)
  } finally {
    redis.disconnect()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.')
  return address.port
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await answers(port)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`redis-server does not listen on port ${port}.`)
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.on('connect', () => end(true)).on('error', () => end(false))
  })
