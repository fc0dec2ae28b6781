import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { Redis } from 'ioredis'
import { EnvironmentError } from '../../errors.ts'
import { type RedisAddress, shownAddress } from './address.ts'
import type { QueuePackages } from './packages-node.ts'

const CONNECT_MILLISECONDS = 10_000
const MOST_MILLISECONDS_BETWEEN_TRIES = 3000
const MILLISECONDS_TO_ANSWER_OTHERWISE = 2000

/**
 * A connection to a Redis that is there. Once it is made it is made again as often as it breaks, and what is asked meanwhile waits.
 *
 * @throws EnvironmentError `queue-unreachable`, `queue-no-tls`, `queue-tls`, `queue-password`, `queue-certificate`, `queue-database`, `queue-failed`; no message shows the password.
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
    throw (isSilence(why) && (await otherScheme(address))) || refused(address, why)
  }
  await chooseDatabase(client, address)
  made = true
  return client
}

/** The client chooses it, too, and goes on in database 0 where it may not. */
async function chooseDatabase(client: Redis, address: RedisAddress): Promise<void> {
  const { db } = address
  if (db === 0) return
  try {
    await client.select(db)
  } catch (cause) {
    client.disconnect()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new EnvironmentError(
      'queue-database',
      `The Redis at ${shownAddress(address)} gives no database ${db} (${why}). Name another number behind the address, or leave it out, which is 0: client and workers meet in one database.`,
    )
  }
}

/** What there is to say where the other kind of address is answered; undefined where it is not. */
async function otherScheme(address: RedisAddress): Promise<EnvironmentError | undefined> {
  if (address.tls) return (await answersPlainly(address)) ? withoutTls(address) : undefined
  return (await answersSecurely(address)) ? overTls(address) : undefined
}

/** Whether somebody is there who speaks TLS, whatever the certificate. Nothing is sent: who is there is told when the address is mended. */
const answersSecurely = ({ host, port }: RedisAddress): Promise<boolean> =>
  answers(connectSecurely({ host, port, rejectUnauthorized: false }), (socket, end) => {
    socket.on('secureConnect', () => end(true))
  })

/** Whether a Redis is there that speaks no TLS: whatever it answers to a PING begins as its answers and refusals do. */
const answersPlainly = ({ host, port }: RedisAddress): Promise<boolean> =>
  answers(connect({ host, port }), (socket, end) => {
    socket.on('connect', () => socket.write('PING\r\n'))
    socket.on('data', (bytes) => end(/^[+-]/.test(bytes.toString('latin1'))))
  })

/** What is listened for, or false where it does not come in time. */
const answers = (
  socket: Socket,
  listen: (socket: Socket, end: (answered: boolean) => void) => void,
): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(MILLISECONDS_TO_ANSWER_OTHERWISE)
    listen(socket, end)
    for (const event of ['timeout', 'error', 'close']) socket.on(event, () => end(false))
  })

const withoutTls = (address: RedisAddress): EnvironmentError =>
  new EnvironmentError(
    'queue-no-tls',
    `The Redis at ${shownAddress(address)} does not answer over TLS, but does without: where nobody can listen in on the way, the address begins with redis:// instead of rediss://. Else name the port on which it speaks TLS (tls-port in its configuration).`,
  )

const overTls = (address: RedisAddress): EnvironmentError =>
  new EnvironmentError(
    'queue-tls',
    `The Redis at ${shownAddress(address)} speaks TLS, and nothing else on that port: the address begins with rediss:// instead of redis://.`,
  )

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
  const code = codeOf(cause)
  if (/certificate/i.test(message)) {
    return new EnvironmentError(
      'queue-certificate',
      `The certificate of the Redis at ${at} is not trusted (${message}). Where an authority of your own signed it, name its file in the environment: NODE_EXTRA_CA_CERTS.`,
    )
  }
  if (isSilence(cause)) {
    return new EnvironmentError(
      'queue-unreachable',
      `No Redis answers at ${at}${address.tls ? ' over TLS' : ''} (${code || message}). Is it running, does it listen on that address, and do firewalls let this machine through? Over TLS the address begins with rediss://, else with redis://.`,
    )
  }
  return new EnvironmentError('queue-failed', `The Redis at ${at} could not be talked to: ${message}`)
}

const codeOf = (cause: Error): string => ('code' in cause ? String(cause.code) : '')

const isSilence = (cause: Error): boolean =>
  noAnswer.test(codeOf(cause)) || /timed? ?out|closed/i.test(cause.message)

/** What systems say where nobody listens, or where one speaks TLS and the other does not. */
const noAnswer = /^(ECONN|EPROTO|ERR_SSL|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE)/
