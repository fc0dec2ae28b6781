export { tableReader, tableStem } from './tables-files.ts'
