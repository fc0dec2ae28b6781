export { checkAdapters, saveAdapterInputs, saveAdapters } from './lora-files.ts'
export { type OpenUpdates, withOpenUpdates } from './open-updates-files.ts'
