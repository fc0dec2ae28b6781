export {
  type BenchEvent,
  type BenchmarkGrid,
  type BenchOutcome,
  benchmarkPlans,
  type RunEnd,
  type RunEvent,
  type RunOne,
  runGrid,
} from './benchmark.ts'
export { type Shard, shardOf } from './shard.ts'
