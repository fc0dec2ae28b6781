export {
  type BenchEvent,
  type BenchOutcome,
  benchmarkPlans,
  type RunOne,
  runGrid,
} from './benchmark.ts'
