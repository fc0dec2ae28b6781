import { homedir } from 'node:os'
import { join } from 'node:path'
import { EnvironmentError, UsageError } from '../../errors.ts'

/** The folder of all that can be fetched or computed again: HOLDFAST_CACHE, else `holdfast` in XDG_CACHE_HOME, else `~/.cache/holdfast`. */
export const cacheFolder = (): string => cachePlace().folder

/**
 * The same, with what said so.
 *
 * @throws EnvironmentError `home-missing` where nothing of this is there.
 */
export function cachePlace(
  { HOLDFAST_CACHE, XDG_CACHE_HOME }: NodeJS.ProcessEnv = process.env,
  home = homedir,
): {
  readonly folder: string
  readonly from: 'HOLDFAST_CACHE' | 'XDG_CACHE_HOME' | 'home'
} {
  if (HOLDFAST_CACHE) return { folder: HOLDFAST_CACHE, from: 'HOLDFAST_CACHE' }
  if (XDG_CACHE_HOME) return { folder: join(XDG_CACHE_HOME, 'holdfast'), from: 'XDG_CACHE_HOME' }
  const folder = homeFolder(home)
  if (folder !== undefined) return { folder: join(folder, '.cache', 'holdfast'), from: 'home' }
  throw new EnvironmentError(
    'home-missing',
    'This user has no home folder, so that what is fetched or decoded has no place. Name one: HOLDFAST_CACHE=/a/folder.',
  )
}

/** The user's own folder; undefined where the system knows of none, as in a container that is run under a number. */
export function homeFolder(home = homedir): string | undefined {
  try {
    return home()
  } catch {
    return undefined
  }
}

const defaultBytes = 2 * 2 ** 30

/**
 * What decoded rows may take there: HOLDFAST_CACHE_BYTES, else 2 GiB. With 0 none are kept.
 *
 * @throws UsageError `cache-bytes`
 */
export function cacheBytes(): number {
  const said = process.env.HOLDFAST_CACHE_BYTES
  if (!said) return defaultBytes
  const bytes = Number(said)
  if (Number.isInteger(bytes) && bytes >= 0) return bytes
  throw new UsageError(
    'cache-bytes',
    `HOLDFAST_CACHE_BYTES: expected a whole number of bytes, found '${said}'. Write 2147483648 for 2 GiB, or 0 to keep nothing.`,
  )
}
