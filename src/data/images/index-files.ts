export { type ImageListing, listClassFolders, listImages, visibleFolders } from './folders-files.ts'
export { type CommonSize, type DecodedImages, decodeImages } from './images-node.ts'
