export { saveAdapters } from './lora-files.ts'
