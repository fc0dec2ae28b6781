/** The memory of a process, in bytes. */
export interface ProcessMemory {
  /** The most that it can have: the machine's, or a container's limit. */
  readonly whole: number
  /** What others leave it of that, with what it has already. */
  readonly free: number
}
