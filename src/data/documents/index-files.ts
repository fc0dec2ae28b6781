export {
  type MeasuredDocuments,
  type ReadDocumentsOptions,
  readDocuments,
  readMeasuredDocuments,
} from './read-documents-files.ts'
