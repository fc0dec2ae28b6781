export { Blocks } from './blocks.ts'
export type { ReplayTarget } from './target.ts'
