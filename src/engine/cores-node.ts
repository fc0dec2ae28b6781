import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** What the system says, as texts. */
export interface CoreFacts {
  /** Processors that this process may run on, as the scheduler and Node see it. */
  readonly processors: number
  /** `/proc/cpuinfo` of Linux. */
  readonly cpuinfo?: string | undefined
  /** `/proc/self/status`, for the processors that this process is bound to. */
  readonly status?: string | undefined
  /** `cpu.max` of a control group: quota and period in microseconds, or `max`. */
  readonly quota?: string | undefined
  /** Physical cores as the system counts them, where it does. */
  readonly counted?: number | undefined
}

/**
 * Physical cores for one process: two hardware threads of a core share its arithmetic units, so that more threads than cores
 * make products slower. A container's quota and the processors that it is bound to count. At least 1.
 *
 * @example coresOf({ processors: 8, quota: '200000 100000' }) // 2
 */
export function coresOf({ processors, cpuinfo, status, quota, counted }: CoreFacts): number {
  const share = Math.ceil(quotaOfCores(quota ?? '') ?? Number.POSITIVE_INFINITY)
  const physical = counted ?? (cpuinfo === undefined ? undefined : coresIn(cpuinfo, allowed(status ?? '')))
  return Math.max(1, Math.min(processors, share, physical ?? Number.POSITIVE_INFINITY))
}

/** Different pairs of socket and core among the processors that are allowed; undefined where the file does not tell. */
function coresIn(cpuinfo: string, allowed: ((processor: number) => boolean) | undefined): number | undefined {
  const cores = new Set<string>()
  for (const block of cpuinfo.split(/\n\s*\n/)) {
    const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(\\S+)`, 'm').exec(block)?.[1]
    const [processor, core] = [field('processor'), field('core id')]
    if (processor === undefined || core === undefined || allowed?.(Number(processor)) === false) continue
    cores.add(`${field('physical id') ?? 0}/${core}`)
  }
  return cores.size === 0 ? undefined : cores.size
}

/** `Cpus_allowed_list: 0-3,8` as a predicate. */
function allowed(status: string): ((processor: number) => boolean) | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1]
  const ranges = list?.split(',').map((part) => part.split('-').map(Number))
  return (
    ranges && ((processor) => ranges.some(([from = 0, to = from]) => processor >= from && processor <= to))
  )
}

let known: number | undefined

/** Physical cores that this process may use; see {@link coresOf}. */
export function physicalCores(): number {
  known ??= coresOf({
    processors: availableParallelism(),
    cpuinfo: textOf('/proc/cpuinfo'),
    status: textOf('/proc/self/status'),
    quota: quotaOf(),
    counted: process.platform === 'darwin' ? countedByMac() : undefined,
  })
  return known
}

/** Processors' worth of time that a container's quota leaves; undefined where there is none. */
export function quotaOfCores(quota = quotaOf()): number | undefined {
  const [limit, period] = (quota ?? '').trim().split(/\s+/).map(Number)
  return limit && period ? limit / period : undefined
}

/** A file of the system; undefined where there is none. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not Linux, or not told in this container.
    return undefined
  }
}

/** Of the control group that a container shows as its root: version 2, else version 1. */
function quotaOf(): string | undefined {
  const newer = textOf('/sys/fs/cgroup/cpu.max')
  if (newer !== undefined) return newer
  const limit = textOf('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')
  const period = textOf('/sys/fs/cgroup/cpu/cpu.cfs_period_us')
  return limit === undefined || period === undefined || Number(limit) <= 0 ? undefined : `${limit} ${period}`
}

function countedByMac(): number | undefined {
  try {
    return Number(execFileSync('sysctl', ['-n', 'hw.physicalcpu'], { encoding: 'utf8' })) || undefined
  } catch {
    return undefined
  }
}
