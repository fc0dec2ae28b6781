export { planTable, type TablePlan } from './table-plan.ts'
export { readRows } from './table-rows.ts'
