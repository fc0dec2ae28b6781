export { openWriterFile } from './open-writer-files.ts'
