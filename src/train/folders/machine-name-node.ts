import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

let known: string | undefined

/**
 * What tells the processes of this machine from those of others, as far as the system says: its name, and on Linux its start and the
 * space that process numbers count in. Containers and copies of one machine often bear one name.
 */
export function machineName(): string {
  known ??= [
    hostname(),
    told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    told(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ')
  return known
}

/** Nothing where the system does not tell. */
function told(ask: () => string): string {
  try {
    return ask()
  } catch {
    return ''
  }
}
