export { type LoadedModel, loadModel, saveModel } from './files.ts'
export { findModelFile } from './find-files.ts'
export { type SavedFolder, saveModelFolder } from './folder-files.ts'
