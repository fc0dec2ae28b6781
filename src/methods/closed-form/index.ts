export type { FitOptions, Fitted, JudgedRows, Weighting } from './classifier.ts'
export { type ClosedForm, type ClosedFormOptions, closedFormHead } from './closed-form-head.ts'
export { type LdaOptions, lda } from './lda.ts'
export { type RidgeOptions, ridge } from './ridge.ts'
