export { gradFile } from './grad-files.ts'
export { type FileInspection, inspectFile } from './inspect-files.ts'
