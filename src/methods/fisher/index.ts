export { type FisherResult, fisherDiagonal } from './fisher.ts'
export { kroneckerFactors } from './kronecker.ts'
export type { LinearLayer } from './linear-layers.ts'
export { type FisherLabels, type FisherOptions, fisherDefaults, fisherLabels } from './options.ts'
