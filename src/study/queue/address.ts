import { UsageError } from '../../errors.ts'

/** Where a Redis is, and who asks. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  /** Number of the database. */
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  /** `rediss://`: over TLS. */
  readonly tls: boolean
}

/**
 * The parts of `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, or of `rediss://…` for TLS.
 *
 * @param password of the environment; the one in the address counts before it
 * @throws UsageError `queue-address`, which shows no password.
 * @example redisAddress('rediss://queue.example.com:6380/2', process.env.HOLDFAST_REDIS_PASSWORD)
 */
export function redisAddress(text: string, password?: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const [, db] = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '') ?? []
  if (
    !url ||
    !(url.protocol === 'redis:' || url.protocol === 'rediss:') ||
    !url.hostname ||
    db === undefined
  ) {
    throw new UsageError(
      'queue-address',
      `"${withoutPasswords(text)}" is no address of a Redis: expected redis://HOST:PORT, or rediss://HOST:PORT over TLS, with USER@ before the host and /NUMBER of the database behind where they are needed. The password is best in the environment, as HOLDFAST_REDIS_PASSWORD.`,
    )
  }
  const given = decodeURIComponent(url.password)
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || DEFAULT_PORT),
    db: Number(db || 0),
    username: decodeURIComponent(url.username) || undefined,
    password: given || password || undefined,
    tls: url.protocol === 'rediss:',
  }
}

const DEFAULT_PORT = 6379

/** Host and port, for people. */
export const shownAddress = ({ host, port }: RedisAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/** A text without the passwords of addresses in it. */
export const withoutPasswords = (text: string): string =>
  text.replaceAll(/([a-z][a-z\d+.-]*:\/\/[^\s:@/]*):[^\s/]*@/gi, '$1:***@')
