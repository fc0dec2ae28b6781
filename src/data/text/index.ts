export { cutTexts } from './cut-texts.ts'
export { nextTokens } from './next-tokens.ts'
export { padTogether } from './pad-tokens.ts'
export {
  createTokenizer,
  padRows,
  rowLength,
  type TextTokenizer,
  type TokenizerFiles,
  type TokenRow,
  tokenize,
} from './tokens.ts'
export { wordVocabulary } from './vocabulary.ts'
