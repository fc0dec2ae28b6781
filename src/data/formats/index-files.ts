export { gunzipBounded, reading, readUnpacked, type UnpackBounds, unpackedLimit } from './disk-files.ts'
export { parquetTables } from './parquet-files.ts'
export { isPredictionFile, loadIds, loadPredictions } from './predictions-files.ts'
export { readText, type TextReading, textChunks } from './text-files.ts'
