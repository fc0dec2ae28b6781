export { machineFacts } from './machine-node.ts'
export { type KeptOutcome, loadRun, runInFolder, versions } from './run-files.ts'
export { isFolder, isRunPlace } from './run-folder-files.ts'
