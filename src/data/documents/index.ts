export { type DocumentFormat, documentFormats, type LoadedDocuments, type TokenDocument } from './document.ts'
export { documentKey, documentsFingerprint, unseenDocuments } from './document-keys.ts'
export { tokensIn, tokensThatCount } from './empty-documents.ts'
export {
  type Pack,
  type PackedDocuments,
  type PackOptions,
  packDocuments,
  packSchema,
} from './pack-documents.ts'
export { packNoted } from './pack-noted.ts'
export { documentRowLength } from './row-length.ts'
export { tokensThatCountWithin } from './row-table.ts'
export { type DividedDocuments, withTestDocuments } from './test-documents.ts'
export {
  documentInMemory,
  documentPart,
  renamedDocument,
  tokenCount,
  tokenSpans,
} from './token-span.ts'
