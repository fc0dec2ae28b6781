export { type AugmentSpec, parseAugment } from './augment/index.ts'
export { type CatalogueEntry, catalogue, syntheticDigits } from './catalogue/index.ts'
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
  type RowDocuments,
  rowsOfClasses,
  samples,
  subset,
  unitPixels,
  withLabels,
  withPreprocessing,
} from './dataset.ts'
export {
  type LoadedDocuments,
  type PackedDocuments,
  type PackOptions,
  packDocuments,
  type TokenDocument,
} from './documents/index.ts'
export { duplicates, fingerprint, type Overlap, overlap, rowHashes } from './fingerprint.ts'
export { idxDataset, parseIdx } from './formats/index.ts'
export {
  type ImageSpec,
  type InputFacts,
  type InputSpec,
  inputSpec,
} from './images/index.ts'
export {
  type BatchPlan,
  type BatchPlanState,
  batchPlan,
  chooseBalanced,
  createPool,
  herding,
  type Pool,
  type PoolPart,
  type Reservoir,
  type ReservoirState,
  reservoir,
  resumeBatchPlan,
  resumeReservoir,
} from './memory/index.ts'
export { type Alignment, type AlignOptions, alignLabels } from './names/index.ts'
export type { LoadedData } from './parts.ts'
export type { AnswerProbe, ChoiceProbe, Probe, ProbeSet } from './probes/index.ts'
export {
  createTokenizer,
  type TextTokenizer,
  type TokenizerFiles,
  tokenize,
  wordVocabulary,
} from './text/index.ts'
