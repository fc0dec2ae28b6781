export { type FileWriter, openLoadedWriter, openWriterFile } from './open-writer-files.ts'
