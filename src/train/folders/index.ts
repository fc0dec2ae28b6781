export { benchResult } from './bench-result.ts'
export { executePlan } from './execute.ts'
