export { type Agreement, agreement, atChance } from './chance.ts'
export { compareMethods, type MethodComparison } from './compare-methods.ts'
export { confidenceRange } from './confidence.ts'
export * from './flips.ts'
export * from './metrics.ts'
export * from './paired.ts'
export * from './results.ts'
export * from './statistics.ts'
export * from './text-scores.ts'
export {
  judgeTexts,
  type PairedTexts,
  type TextBudget,
  type TextUnit,
  type TextVerdict,
} from './text-verdict.ts'
export { anytimeAccuracy, forgettingBetween } from './untold-metrics.ts'
export * from './verdict.ts'
export { type Stratum, type WeightedDrop, weightedDrop } from './weighted-drop.ts'
