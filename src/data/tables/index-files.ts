export { isTable, tableReaders } from './tables-files.ts'
