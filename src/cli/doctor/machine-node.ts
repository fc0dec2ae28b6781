import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { machineMemory } from '../../data/machine-memory-node.ts'
import { physicalCores, quotaOfCores } from '../../engine/cores-node.ts'
import { instructionSets } from '../../engine/instruction-sets-node.ts'

/** What the machine has, and what of it this process may use. */
export interface Machine {
  /** Operating system and architecture, e.g. `linux x64`. */
  readonly platform: string
  readonly processor: {
    /** Null where the system does not tell. */
    readonly model: string | null
    /** Processors of the machine, and those that this process may run on. */
    readonly all: number
    readonly allowed: number
    /** Physical cores among those allowed, a container's quota counted: the threads of the runtime without `--threads`. */
    readonly cores: number
    /** Processors' worth of time that the container allows; null for no limit. */
    readonly quota: number | null
    /** Null where the system does not tell. */
    readonly instructionSets: readonly string[] | null
    /** Programs that want a processor, on average of the last minute; null where the system does not tell. */
    readonly load: number | null
  }
  readonly memory: {
    readonly totalBytes: number
    /** What may still be taken. */
    readonly availableBytes: number
    /** The container's limit; null for none. */
    readonly limitBytes: number | null
  }
}

export function machineHere(): Machine {
  const all = cpus()
  const totalBytes = totalmem()
  const allowed = machineMemory()
  return {
    platform: `${process.platform} ${process.arch}`,
    processor: {
      model: all[0]?.model.trim() || null,
      all: Math.max(all.length, availableParallelism()),
      allowed: availableParallelism(),
      cores: physicalCores(),
      quota: quotaOfCores() ?? null,
      instructionSets: instructionSets() ?? null,
      load: process.platform === 'win32' ? null : (loadavg()[0] ?? null),
    },
    memory: {
      totalBytes,
      availableBytes: process.availableMemory(),
      limitBytes: allowed < totalBytes ? allowed : null,
    },
  }
}
