export { Blocks } from './blocks.ts'
export type { NodeRequest, ReplayTarget } from './target.ts'
