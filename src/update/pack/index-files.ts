export {
  extendFile,
  identify,
  type KeepSources,
  keepFile,
  mergeFiles,
  type WrittenPack,
} from './keep-files.ts'
export { readPack, writePack } from './pack-files.ts'
export { readTraffic } from './traffic-files.ts'
