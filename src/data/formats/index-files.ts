export { readUnpacked, unpackedLimit } from './disk-files.ts'
export { parquetTables } from './parquet-files.ts'
export { isPredictionFile, loadIds, loadPredictions } from './predictions-files.ts'
export { readText, textChunks } from './text-files.ts'
