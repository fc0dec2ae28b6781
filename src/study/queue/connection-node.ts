import type { Redis } from 'ioredis'
import { EnvironmentError } from '../../errors.ts'
import { type RedisAddress, shownAddress } from './address.ts'
import type { QueuePackages } from './packages-node.ts'

const CONNECT_MILLISECONDS = 10_000
const MOST_MILLISECONDS_BETWEEN_TRIES = 3000

/**
 * A connection to a Redis that is there. Once it is made it is made again as often as it breaks, and what is asked meanwhile waits.
 *
 * @throws EnvironmentError `queue-unreachable`, `queue-password`, `queue-certificate`, `queue-failed`; no message shows the password.
 */
export async function openRedis(address: RedisAddress, { Redis: Client }: QueuePackages): Promise<Redis> {
  const { host, port, db, username, password, tls } = address
  let made = false
  let last: Error | undefined
  const client = new Client({
    ...{ host, port, db, username, password, lazyConnect: true },
    ...(tls && { tls: {} }),
    connectTimeout: CONNECT_MILLISECONDS,
    // Queues ask again until they are answered.
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => (made ? Math.min(200 * tries, MOST_MILLISECONDS_BETWEEN_TRIES) : null),
  })
  client.on('error', (error: Error) => {
    last = error
  })
  try {
    await client.connect()
    await client.ping()
  } catch (cause) {
    client.disconnect()
    const why = last ?? (cause instanceof Error ? cause : new Error(String(cause)))
    throw refused(address, why)
  }
  made = true
  return client
}

function refused(address: RedisAddress, cause: Error): EnvironmentError {
  const at = shownAddress(address)
  // The cause is left out: what the client keeps of its commands holds the password.
  const { message } = cause
  if (/\b(WRONGPASS|NOAUTH|NOPERM|invalid password)\b/i.test(message)) {
    const found = address.password === undefined ? 'none was given' : 'the one given is wrong'
    return new EnvironmentError(
      'queue-password',
      `The Redis at ${at} asks for a password${address.username === undefined ? '' : ` of ${address.username}`}, and ${found}. Set it in the environment: HOLDFAST_REDIS_PASSWORD.`,
    )
  }
  const code = 'code' in cause ? String(cause.code) : ''
  if (/certificate/i.test(message)) {
    return new EnvironmentError(
      'queue-certificate',
      `The certificate of the Redis at ${at} is not trusted (${message}). Where an authority of your own signed it, name its file in the environment: NODE_EXTRA_CA_CERTS.`,
    )
  }
  if (noAnswer.test(code) || /timed? ?out|closed/i.test(message)) {
    return new EnvironmentError(
      'queue-unreachable',
      `There is no Redis at ${at} (${code || message}). Is it running, does it listen on that address, and do firewalls let this machine through? Over TLS the address begins with rediss://, else with redis://.`,
    )
  }
  return new EnvironmentError('queue-failed', `The Redis at ${at} could not be talked to: ${message}`)
}

/** What systems say where nobody listens, or where one speaks TLS and the other does not. */
const noAnswer = /^(ECONN|EPROTO|ERR_SSL|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE)/
