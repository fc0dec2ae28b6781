export { collectResults } from './collect-files.ts'
export { type Collected, collectStore } from './collect-grid-files.ts'
export { gridOf, isGridFile, writeGrid } from './grid-files.ts'
