export { openSources } from './sources-files.ts'
export { splitName } from './split-names.ts'
