export { type FileWriter, openWriterFile, type WriterFileOptions } from './open-writer-files.ts'
