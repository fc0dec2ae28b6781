export { type Merged, mergeModels, saveMerged } from './merge-files.ts'
