export { type CommonSize, decodeImages, type ImageDecoding } from './decode-images-node.ts'
export { imageRecipe } from './decode-sharp-node.ts'
export { type ImageListing, listClassFolders, listImages, visibleFolders } from './folders-files.ts'
