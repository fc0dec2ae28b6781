export type { Evaluation, ModelEvaluation } from './evaluation.ts'
