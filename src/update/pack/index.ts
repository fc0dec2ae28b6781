export { activationKeys, type HeldActivations, keyWords } from './held-activations.ts'
export { type KeepOptions, type Kept, keepDefaults, keepModel } from './keep.ts'
export { type ExtendOptions, extendPack } from './keep-extend.ts'
export { mergePacks } from './keep-merge.ts'
export {
  type DataIdentity,
  isSumsOnly,
  type ModelIdentity,
  type Pack,
  type PackBudget,
  type Release,
  releaseAccuracy,
} from './pack.ts'
export { decodePack, encodePack } from './pack-codec.ts'
export { type PackSummary, summarisePack, usesOf } from './pack-summary.ts'
export { type PackSums, sumsFor } from './pack-sums.ts'
export { isAmong, overlapping } from './same-data.ts'
export { givenTraffic, trafficShares } from './traffic.ts'
export type { RowBlocks } from './training-rows.ts'
export { trunkHash } from './trunk-hash.ts'
