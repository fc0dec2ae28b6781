/** Holdfast on Node: the browser's names, and files, data sets on disk and the native runtime. */
export * from './browser.ts'
export {
  getDataset,
  listDatasets,
  mnistOrSynthetic,
  resolveDataset,
  verifyDataset,
} from './data/cache-files.ts'
export { type ReadOptions, readDataset, streamRows } from './data/files.ts'
export { loadIds, loadPredictions } from './data/predictions-files.ts'
export { type InputFiles, readInputFiles } from './data/sidecar-files.ts'
export { ortNode } from './engine/ort-node.ts'
export { type LoadedModel, loadModel, saveModel } from './model/files.ts'
export { type SavedFolder, saveModelFolder } from './model/folder-files.ts'
export { saveAdapters } from './model/lora-files.ts'
export { type FileInspection, inspectFile } from './train/inspect-files.ts'
export { tensorBoard } from './train/tracking/tensorboard-files.ts'
export { loadCurve, savePoint } from './update/curve-files.ts'
export { type GateInputs, type GateSources, loadGate, type NearestNew } from './update/gate-files.ts'
export { extendFile, keepFile, mergeFiles } from './update/keep-files.ts'
export { readPack, writePack } from './update/pack-files.ts'
export { type LoadedUpdate, loadUpdate, type UpdateSources } from './update/update-files.ts'
export { outputPath, writeBaseline, writeUpdated } from './update/update-writing-files.ts'
