export { collectResults } from './collect-files.ts'
