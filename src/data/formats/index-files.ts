export { reading, readUnpacked } from './disk-files.ts'
export { parquetTables } from './parquet-files.ts'
export { isPredictionFile, loadIds, loadPredictions } from './predictions-files.ts'
