export {
  extendTextFile,
  type KeepTextSources,
  keepTextFile,
  mergeTextFiles,
  tokenizerHash,
  type WrittenTextPack,
} from './keep-texts-files.ts'
export { readTextPack, writeTextPack } from './text-pack-files.ts'
