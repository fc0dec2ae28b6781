import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Redis } from 'ioredis'
import { z } from 'zod'

const peerSchema = z.object({
  role: z.enum(['worker', 'client']),
  host: z.string(),
  pid: z.number(),
  queue: z.string(),
  /** Where the store's folder is on that machine. */
  store: z.string(),
  storeId: z.string(),
  versions: z.record(z.string(), z.string()),
})

/** Who comes to a Redis: those that do runs, and those that ask for some. */
export type Peer = z.output<typeof peerSchema>

const SECONDS_KNOWN = 30
const SECONDS_BETWEEN_SIGNS = 10

/** Says again and again until it leaves: that a worker is there, or whose queue it is of which a client asks something. */
export async function joinPeers(
  redis: Redis,
  prefix: string,
  peer: Omit<Peer, 'host' | 'pid'>,
): Promise<{ readonly self: Peer; leave(): Promise<void> }> {
  const self = { ...peer, host: hostname(), pid: process.pid }
  const { sign, unsign } = (self.role === 'worker' ? workerSigns : clientSigns)(redis, prefix, self)
  await sign()
  let waiting = false
  const timer = setInterval(() => {
    // While the Redis is gone one sign is enough.
    if (waiting) return
    waiting = true
    void sign()
      .catch(() => undefined)
      .finally(() => {
        waiting = false
      })
  }, SECONDS_BETWEEN_SIGNS * 1000)
  timer.unref()
  return {
    self,
    leave: async () => {
      clearInterval(timer)
      await unsign()
    },
  }
}

interface Signs {
  sign(): Promise<unknown>
  unsign(): Promise<unknown>
}

/** A worker that dies is forgotten soon. */
function workerSigns(redis: Redis, prefix: string, self: Peer): Signs {
  const key = `${prefix}:peers:${randomUUID()}`
  return {
    sign: () => redis.set(key, JSON.stringify(self), 'EX', SECONDS_KNOWN),
    unsign: () => redis.del(key),
  }
}

/** What a client asked for may wait when the client is gone; another that asks the same queue says so again. */
function clientSigns(redis: Redis, prefix: string, self: Peer): Signs {
  return {
    sign: () => redis.hset(askedKey(prefix), self.queue, JSON.stringify(self)),
    unsign: async () => {
      if ((await waitingIn(redis, prefix, self.queue)) === 0) await redis.hdel(askedKey(prefix), self.queue)
    },
  }
}

const askedKey = (prefix: string): string => `${prefix}:asked`

/** How many jobs of a queue wait for a worker. */
async function waitingIn(redis: Redis, prefix: string, queue: string): Promise<number> {
  const [plain, ordered] = await Promise.all([
    redis.llen(`${prefix}:${queue}:wait`),
    redis.zcard(`${prefix}:${queue}:prioritized`),
  ])
  return plain + ordered
}

/** Who asked last for what waits in each queue, be it that they are gone. */
export async function askersOfWaiting(redis: Redis, prefix: string): Promise<Peer[]> {
  const askers = parsed(Object.values(await redis.hgetall(askedKey(prefix))))
  const waiting = await Promise.all(askers.map(({ queue }) => waitingIn(redis, prefix, queue)))
  return askers.filter((_, at) => waiting[at] !== 0)
}

/** The workers that are there. */
export async function workersAt(redis: Redis, prefix: string): Promise<Peer[]> {
  const keys: string[] = []
  const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, '\\$&')}:peers:*`
  for await (const found of redis.scanStream({ match: pattern, count: 1000 }))
    keys.push(...(found as string[]))
  if (keys.length === 0) return []
  return parsed(await redis.mget(keys))
}

const parsed = (texts: readonly (string | null)[]): Peer[] =>
  texts.flatMap((text) => {
    const peer = text === null ? undefined : peerSchema.safeParse(JSON.parse(text)).data
    return peer ? [peer] : []
  })

/**
 * Why one of two does not do the runs of the other; undefined where it does.
 *
 * @example mismatch(self, worker) // 'it has another store: /mnt/runs there is not the folder that is /data/runs here'
 */
export function mismatch(here: Peer, there: Peer): string | undefined {
  if (here.queue === there.queue) return undefined
  const differing = Object.keys(here.versions).filter((name) => version(here, name) !== version(there, name))
  if (differing.length > 0) {
    const said = differing.map(
      (name) => `${name} ${there.versions[name] ?? 'none'} there, ${here.versions[name] ?? 'none'} here`,
    )
    return `it is of another version (${said.join('; ')})`
  }
  return `it has another store: ${there.store} there is not the folder that is ${here.store} here`
}

/** Of Node the major version counts. */
const version = ({ versions }: Peer, name: string): string | undefined =>
  name === 'node' ? versions.node?.split('.')[0] : versions[name]
