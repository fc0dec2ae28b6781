export { type ImageListing, listClassFolders, listImages, visibleFolders } from './folders-files.ts'
export { type CommonSize, decodeImages } from './images-node.ts'
