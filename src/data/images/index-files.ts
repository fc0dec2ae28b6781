export {
  type CommonSize,
  decodeImages,
  type ImageListing,
  listClassFolders,
  listImages,
  visibleFolders,
} from './images-node.ts'
