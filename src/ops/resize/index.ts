export * from './affine-grid.ts'
export * from './grid-sample.ts'
export * from './older.ts'
export * from './resize.ts'
