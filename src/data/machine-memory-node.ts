import { totalmem } from 'node:os'

/**
 * Bytes of memory that this process may use: the machine's, or what a container (a control group) leaves it of them, where that is
 * less. A process that takes more there is ended by the system.
 *
 * @param limit A container's; 0, or more than there is, for none.
 */
export const machineMemory = (total = totalmem(), limit = process.constrainedMemory()): number =>
  limit > 0 ? Math.min(total, limit) : total

/** The memory that this process can have, and of it what others leave, with what it has already; in bytes. */
export function processMemory(
  whole = machineMemory(),
  available = process.availableMemory(),
  own = process.memoryUsage.rss(),
): { readonly whole: number; readonly free: number } {
  return { whole, free: Math.min(whole, available + own) }
}
