export { type AdviseOptions, adviseUpdate, type UpdateAdvice } from './advise-update.ts'
export type { RowCounts } from './sample-rows.ts'
export type { MeasuredRecipe } from './try-method.ts'
