export { type FlagFacts, factsOf, flagName, group, type Settings } from './facts.ts'
export {
  bindings,
  byteCount,
  limit,
  pixels,
  rankAndAlpha,
  seconds,
  seeds,
  shard,
  share,
  sizes,
} from './grammars.ts'
export { helpText } from './help.ts'
export { capitalised, flagOf, fromText, jsonLines, on, page, path, told } from './kinds.ts'
export { readSettings } from './read.ts'
export { referencePage } from './reference.ts'
export { spoken } from './spoken.ts'
export { texts } from './texts.ts'
export { readWords } from './words.ts'
