export { checkAdapters, saveAdapters } from './lora-files.ts'
