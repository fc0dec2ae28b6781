/** Node and the runtime before anything is read. */
const PROCESS_BYTES = 160 * 2 ** 20

/**
 * Copies of the state (parameters and optimiser): two that calls read and write by turns. A loop of several steps a call has two more,
 * but only where steps are quick and so the state is small.
 */
const STATE_COPIES = 2

/**
 * How much the runtime takes of what a step computes beside the state: a first run takes it piece by piece, which leaves gaps, and from the
 * second on there is one block for all of it, for which the pieces mostly have no room; neither is given back. Where weights are read from
 * where they lie what is computed is large enough for gaps to be few.
 */
const ARENA = { usual: 2.4, held: 1 }

/** A node of a graph, as it is built and as the runtime has it. */
const NODE_BYTES = 14 * 2 ** 10

/** Copies of a frozen weight that is a constant of the graph: encoded, in the runtime, packed for both passes. */
const CONSTANT_COPIES = 3

/**
 * The most that training has in memory at one time, in bytes: the process, the file as it was read, the copies of the state and of frozen
 * weights, the graph, and what a step computes. `bench/memory.ts`, `bench/steps.ts --memory`, `bench/models.ts` and `bench/llm-steps.ts`
 * measure it: within 10 % of the peak for large MLPs, a wide CNN and transformers, within 12 % for low-rank updates of decoders, up to a
 * third too much for smaller convolutional networks.
 */
export function stepMemory(parts: {
  readonly fileBytes: number
  readonly stateBytes: number
  /** Gradients among it. */
  readonly activationBytes: number
  readonly nodes: number
  /** Of frozen weights: those read from where they lie, and those that are constants of the graph. */
  readonly heldBytes: number
  readonly constantBytes: number
}): number {
  const { fileBytes, stateBytes, activationBytes, nodes, heldBytes, constantBytes } = parts
  const arena = heldBytes > 0 ? ARENA.held : ARENA.usual
  const copies = STATE_COPIES * stateBytes + CONSTANT_COPIES * constantBytes + NODE_BYTES * nodes
  return Math.round(PROCESS_BYTES + fileBytes + copies + arena * activationBytes)
}
