/** Holdfast on Node: the browser's names, and files, data sets on disk and the native runtime. */
export * from './browser.ts'
export {
  getDataset,
  listDatasets,
  mnistOrSynthetic,
  resolveDataset,
  verifyDataset,
} from './data/catalogue/index-files.ts'
export {
  type MeasuredDocuments,
  type ReadDocumentsOptions,
  readDocuments,
  readMeasuredDocuments,
} from './data/documents/index-files.ts'
export { readDataset, streamRows } from './data/files.ts'
export { loadIds, loadPredictions } from './data/formats/index-files.ts'
export { processMemory } from './data/machine-memory-node.ts'
export { type ProbeReading, readProbes } from './data/probes/index-files.ts'
export type { ReadOptions } from './data/read-options.ts'
export { type InputFiles, readInputFiles } from './data/sidecar-files.ts'
export { type OpenSpill, openSpill } from './data/spill-files.ts'
export { ortNode } from './engine/ort-node.ts'
export { saveAdapters } from './model/adapters/index-files.ts'
export {
  type LoadedModel,
  loadModel,
  type SavedFolder,
  saveModel,
  saveModelFolder,
} from './model/import/index-files.ts'
export { type FileInspection, inspectFile } from './train/inspect/index-files.ts'
export { tensorBoard } from './train/tracking/index-files.ts'
export { type Evaluated, type EvaluateSources, evaluateFiles } from './update/evaluate/index-files.ts'
export { type GateInputs, type GateSources, loadGate, type NearestNew } from './update/gate/index-files.ts'
export { extendFile, keepFile, mergeFiles, readPack, writePack } from './update/pack/index-files.ts'
export { loadCurve, savePoint } from './update/path/index-files.ts'
export {
  extendTextFile,
  type KeepTextSources,
  keepTextFile,
  mergeTextFiles,
  readTextPack,
  type WrittenTextPack,
  writeTextPack,
} from './update/text-pack/index-files.ts'
export { type LoadedTextUpdate, loadTextUpdate, type TextUpdateSources } from './update/texts/index-files.ts'
export { type LoadedUpdate, loadUpdate } from './update/update-files.ts'
export type { UpdateSources } from './update/update-sources.ts'
export { outputPath, writeBaseline, writeUpdated } from './update/update-writing-files.ts'
