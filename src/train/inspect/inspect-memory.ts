/** Node and the runtime before anything is read. */
const PROCESS_BYTES = 160 * 2 ** 20

/**
 * Copies of the state (parameters and optimiser): two that calls read and write by turns. A loop of several steps a call has two more,
 * but only where steps are quick and so the state is small.
 */
const STATE_COPIES = 2

/**
 * How much the runtime takes for what a step computes beside the state: its arena grows by doubling, gives nothing back, and holds the
 * work space of convolutions and products, too. Where weights are read from where they lie there are hardly any of these.
 */
const ARENA = { usual: 3.5, held: 1.05 }

/** A node of a graph, as it is built and as the runtime has it. */
const NODE_BYTES = 14 * 2 ** 10

/** Copies of a frozen weight that is a constant of the graph: encoded, in the runtime, packed for both passes. */
const CONSTANT_COPIES = 3

/**
 * The most that training has in memory at one time, in bytes: the process, the file as it was read, the copies of
 * the state and of frozen weights, gradients, the graph, and what a step computes. `bench/memory.ts` and `bench/llm-steps.ts` measure it:
 * within 10 % of the peak for MLPs, a CNN and a transformer, within 12 % for low-rank updates of decoders.
 */
export function stepMemory(parts: {
  readonly fileBytes: number
  readonly stateBytes: number
  readonly optimiserBytes: number
  readonly activationBytes: number
  readonly nodes: number
  /** Of frozen weights: those read from where they lie, and those that are constants of the graph. */
  readonly heldBytes: number
  readonly constantBytes: number
}): number {
  const { fileBytes, stateBytes, optimiserBytes, activationBytes, nodes, heldBytes, constantBytes } = parts
  const computed = Math.max(0, activationBytes - stateBytes)
  const arena = heldBytes > 0 ? ARENA.held : ARENA.usual
  const copies = STATE_COPIES * stateBytes + CONSTANT_COPIES * constantBytes + NODE_BYTES * nodes
  const gradients = stateBytes - optimiserBytes
  return Math.round(PROCESS_BYTES + fileBytes + copies + gradients + arena * computed)
}
