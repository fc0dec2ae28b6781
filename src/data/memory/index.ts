export { type BatchPlan, type BatchPlanState, batchPlan, resumeBatchPlan } from './batches.ts'
export { type ExemplarMemory, exemplarMemory, type MemoryState, restoreMemory } from './memory.ts'
export { createPool, type Pool, type PoolPart } from './pool.ts'
export {
  chooseBalanced,
  type GreedyBalanced,
  type GreedyBalancedState,
  greedyBalanced,
  herding,
  type Reservoir,
  type ReservoirState,
  reservoir,
  resumeGreedyBalanced,
  resumeReservoir,
} from './sampling.ts'
