/** Node and the runtime before anything is read. */
const PROCESS_BYTES = 130 * 2 ** 20

/**
 * Copies of the state (parameters and optimiser): two that calls read and write by turns, two that the runtime's loop does, what a step
 * makes of it, and what is handed back.
 */
const STATE_COPIES = 6

/**
 * How much the runtime takes for what a step computes beside the state: its arena grows by doubling, gives nothing back, and holds the
 * work space of convolutions and products, too.
 */
const ARENA = 3.5

/**
 * The most that training has in memory at one time, in bytes: the process, the file as it was read, the optimiser's first zeros, the
 * copies of the state, and what a step computes. `bench/memory.ts` measures it: within 13 % of the peak for an MLP, a CNN
 * and a transformer.
 */
export function stepMemory(parts: {
  readonly fileBytes: number
  readonly stateBytes: number
  readonly optimiserBytes: number
  readonly activationBytes: number
}): number {
  const { fileBytes, stateBytes, optimiserBytes, activationBytes } = parts
  const computed = Math.max(0, activationBytes - stateBytes)
  return Math.round(PROCESS_BYTES + fileBytes + optimiserBytes + STATE_COPIES * stateBytes + ARENA * computed)
}
