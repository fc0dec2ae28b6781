export { checkShards } from './shards.ts'
export { openSources } from './sources-files.ts'
export { splitName, splitOfFile } from './split-names.ts'
