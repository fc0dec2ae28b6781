export { readPlanFile, readStudentFile, writeStarterConfig } from './config-files.ts'
export { fisherFile } from './fisher-files.ts'
export type { LoadPlanOptions } from './load-options.ts'
export { type LoadedPlan, loadPlan } from './plan-files.ts'
