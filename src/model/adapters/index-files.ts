export { checkAdapters, saveAdapterInputs, saveAdapters } from './lora-files.ts'
