export { severalLabels } from './several-labels.ts'
export { hasLabels, planTable, type TablePlan } from './table-plan.ts'
export { readRows } from './table-rows.ts'
