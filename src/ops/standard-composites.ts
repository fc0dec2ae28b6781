// Ops of the standard set that are compositions of others: those that are newer than the canonical opset, and those
// whose older forms it no longer has.
export { Attention } from './attention.ts'
export { RMSNormalization } from './rms-normalization.ts'
export { RotaryEmbedding } from './rotary-embedding.ts'
export { Swish } from './swish.ts'
