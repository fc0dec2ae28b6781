export { readPlanFile, writeStarterConfig } from './config-files.ts'
export { fisherFile } from './fisher-files.ts'
export { type LoadedPlan, type LoadPlanOptions, loadPlan } from './plan-files.ts'
