export { type ReadDocumentsOptions, readDocuments } from './read-documents-files.ts'
