export { type FisherResult, fisherDiagonal } from './fisher.ts'
export { type FisherLabels, type FisherOptions, fisherDefaults, fisherLabels } from './options.ts'
