export { calibrate } from './calibrate.ts'
export type { JudgedRows } from './classifier.ts'
export { type ClosedForm, type ClosedFormOptions, closedFormHead } from './closed-form-head.ts'
export { linearHead } from './head-classifier.ts'
