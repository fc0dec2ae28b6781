// Ops of the standard set that are compositions of others: those that are newer than the canonical opset, and those
// whose older forms it no longer has.

export { AffineGrid } from './affine-grid.ts'
export { Attention } from './attention.ts'
export { NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss } from './class-losses.ts'
export { Scatter, Upsample } from './older.ts'
export { RMSNormalization } from './rms-normalization.ts'
export { RotaryEmbedding } from './rotary-embedding.ts'
export { CenterCropPad, Compress, MaxUnpool } from './selecting.ts'
export { Swish } from './swish.ts'
export { Unique } from './unique.ts'
