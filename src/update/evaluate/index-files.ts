export { type Evaluated, type EvaluateSources, evaluateFiles } from './evaluate-files.ts'
