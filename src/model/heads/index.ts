export {
  EXPANSION,
  type ExpandOptions,
  type Expansion,
  expandHead,
  expansionOf,
  readingTrunk,
} from './expand.ts'
export { findHead, type Head, readsVocabulary, requireHead } from './head.ts'
export { widerDiagonal, withOldHead } from './head-rows.ts'
export { withHeadOf } from './stored-head.ts'
export { replaceHead, type WidenOptions, widenHead } from './widen.ts'
