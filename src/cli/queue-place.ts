import { resolve } from 'node:path'
import type { Redis } from 'ioredis'
import { z } from 'zod'
import { physicalCores } from '../engine/cores-node.ts'
import type { Engine } from '../engine/engine.ts'
import { queueName, redisAddress, shownAddress } from '../study/queue/index.ts'
import { joinPeers, openRedis, type Peer, queuePackages, storeId } from '../study/queue/index-files.ts'
import { computedBy, runVersions } from '../train/folders/index-files.ts'
import { fromText, group } from './flags/index.ts'

/** What queues of several users of one Redis are told apart by. */
export const queuePrefixFlag = group('Queue', {
  queuePrefix: fromText(z.string().regex(/^[^\s:]+$/))
    .default('holdfast')
    .meta({ description: 'What the names of all keys in the Redis begin with', hint: 'NAME' }),
})

/** A place in a queue: that of who asks for runs, or of who does them. */
export interface QueuePlace {
  readonly redis: Redis
  readonly packages: Awaited<ReturnType<typeof queuePackages>>
  readonly prefix: string
  readonly queue: string
  /** Where the Redis is, for people. */
  readonly at: string
  /** This process, as others see it. */
  readonly self: Peer
  leave(): Promise<void>
}

/** Goes to the queue of a store. */
export async function openQueuePlace(
  role: Peer['role'],
  given: {
    readonly url: string
    readonly prefix: string
    readonly store: string
    readonly engine: Engine
  },
): Promise<QueuePlace> {
  const { url, prefix, engine } = given
  const address = redisAddress(url, process.env.HOLDFAST_REDIS_PASSWORD)
  const packages = await queuePackages()
  const redis = await openRedis(address, packages)
  try {
    const store = resolve(given.store)
    const id = await storeId(store)
    const versions = runVersions(engine)
    const queue = queueName(id, computedBy(versions))
    const peer = { role, queue, store, storeId: id, versions }
    const { self, leave } = await joinPeers(redis, prefix, peer)
    return {
      ...{ redis, packages, prefix, queue, at: shownAddress(address), self },
      leave: async () => {
        await inTime(leave())
        redis.disconnect()
      },
    }
  } catch (error) {
    redis.disconnect()
    throw error
  }
}

const MILLISECONDS_TO_LEAVE = 5000

/** A Redis that is gone keeps nobody from ending. */
export async function inTime(action: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MILLISECONDS_TO_LEAVE)
  })
  await Promise.race([
    action.then(
      () => undefined,
      () => undefined,
    ),
    late,
  ])
  clearTimeout(timer)
}

/** Runs at a time where nobody says: one a core. */
export const defaultJobs = (threads: number): number => Math.max(1, Math.floor(physicalCores() / threads))
