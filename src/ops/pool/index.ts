export * from './average-pool.ts'
export * from './lp-pool.ts'
export * from './max-pool.ts'
