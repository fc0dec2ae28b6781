export { type Alignment, type AlignOptions, alignLabels } from './align.ts'
export { type BatchPlan, type BatchPlanState, batchPlan, resumeBatchPlan } from './batches.ts'
export { type CatalogueEntry, catalogue } from './catalogue.ts'
export {
  asStored,
  classLabels,
  concatenate,
  createDataset,
  type Dataset,
  type DatasetKind,
  ignoredLabel,
  kindOf,
  mnistNormalisation,
  type Preprocessing,
  rowsOfClasses,
  samples,
  subset,
  unitPixels,
  withLabels,
  withPreprocessing,
} from './dataset.ts'
export { duplicates, fingerprint, type Overlap, overlap, rowHashes } from './fingerprint.ts'
export { idxDataset, parseIdx } from './idx.ts'
export {
  holdfastSchema,
  type ImageSpec,
  type InputFacts,
  type InputSpec,
  inputSpec,
} from './input-spec.ts'
export { type ExemplarMemory, exemplarMemory, type MemoryState, restoreMemory } from './memory.ts'
export type { LoadedData } from './parts.ts'
export { createPool, type Pool, type PoolPart } from './pool.ts'
export {
  chooseBalanced,
  type GreedyBalanced,
  type GreedyBalancedState,
  greedyBalanced,
  herding,
  type Reservoir,
  type ReservoirState,
  reservoir,
  resumeGreedyBalanced,
  resumeReservoir,
} from './sampling.ts'
export { syntheticDigits } from './synthetic.ts'
export { createTokenizer, type TextTokenizer, type TokenizerFiles, tokenize } from './tokens.ts'
export { wordVocabulary } from './vocabulary.ts'
