export { benchResult } from './bench-result.ts'
export { executePlan } from './execute.ts'
export type { RunEnd, RunEvent } from './run-events.ts'
