export * from './attention.ts'
export { attend, causalBias, joinHeads, maskBias, rangeMask, splitHeads } from './heads.ts'
export * from './rotary-embedding.ts'
