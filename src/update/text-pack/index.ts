export { withinBudget } from './choose-documents.ts'
export { documentPieces, pieceTokens } from './document-pieces.ts'
export { type ExtendTextsOptions, extendTexts, otherTokenizer } from './extend-texts.ts'
export { type KeepTextsOptions, type KeptTexts, keepTexts } from './keep-texts.ts'
export { mergeTextPacks } from './merge-texts.ts'
export { textKeepDefaults } from './text-exemplars.ts'
export {
  type TextAnswers,
  type TextChoice,
  type TextPack,
  type TextPackBudget,
  textChoices,
} from './text-pack.ts'
export { decodeTextPack, encodeTextPack } from './text-pack-codec.ts'
export { summariseTextPack, type TextPackSummary } from './text-pack-summary.ts'
