export { type FisherResult, fisherDiagonal } from './fisher.ts'
export type { FisherLabels, FisherOptions } from './options.ts'
