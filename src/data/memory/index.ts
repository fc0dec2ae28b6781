export { type BatchPlan, type BatchPlanState, batchPlan, resumeBatchPlan } from './batches.ts'
export { greedyBalanced } from './greedy.ts'
export { createPool, type Pool, type PoolPart, poolsWith, rowForm } from './pool.ts'
export {
  chooseBalanced,
  chooseOfLabels,
  herding,
  type Reservoir,
  type ReservoirState,
  reservoir,
  resumeReservoir,
} from './sampling.ts'
