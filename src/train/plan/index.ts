export { idleNotes } from './idle-methods.ts'
export { type PlanInput, parsePlan, type RunPlan } from './plan.ts'
export { onnxModelSchema } from './plan-model.ts'
export { type PlanInputs, type PreparedPlan, planStream, preparePlan } from './prepare.ts'
