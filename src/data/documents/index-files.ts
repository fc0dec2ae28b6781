export { packWithin } from './pack-within-files.ts'
export {
  type MeasuredDocuments,
  type ReadDocumentsOptions,
  readDocuments,
  readMeasuredDocuments,
} from './read-documents-files.ts'
