export { checkAdapters, saveAdapterInputs, saveAdapters } from './lora-files.ts'
export { withOpenUpdates } from './open-updates-files.ts'
