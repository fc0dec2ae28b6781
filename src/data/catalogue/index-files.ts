export { getDataset, listDatasets, mnistOrSynthetic, resolveDataset, verifyDataset } from './cache-files.ts'
export type { DownloadProgress } from './download-files.ts'
