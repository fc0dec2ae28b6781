export {
  type BenchEvent,
  type BenchmarkGrid,
  type BenchOutcome,
  benchmarkPlans,
  type RunOne,
  runGrid,
} from './benchmark.ts'
export { fromShard, type Shard, shardOf } from './shard.ts'
