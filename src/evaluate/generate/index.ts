export { answersTokens, positionsOf } from './check-decoder.ts'
export type { Sampling } from './choose.ts'
export { type Decoder, type DecoderOptions, type Decoding, openDecoder } from './decoder.ts'
export { checkForm } from './decoding-graph.ts'
export {
  continued,
  type GeneratedToken,
  type GenerateOptions,
  type GenerationEnd,
  generate,
  generateDefaults,
} from './generate.ts'
export { selfWrittenDefaults, selfWrittenTexts } from './self-written.ts'
export type { SelfWritten, SelfWrittenOptions } from './self-written-types.ts'
export { openTextWriter, type TextEnd, type TextOptions, type TextWriter } from './text.ts'
export { fitting } from './write-enough.ts'
