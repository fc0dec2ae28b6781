export { openLoadedWriter, openWriterFile } from './open-writer-files.ts'
