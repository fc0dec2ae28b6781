import type { TokenDocument } from '../../data/documents/index.ts'
import type { Sampling } from './choose.ts'
import type { DecoderOptions } from './decoder.ts'
import type { Unfit } from './sift.ts'

export interface SelfWrittenOptions extends Sampling, DecoderOptions {
  /** Texts that are wanted. */
  readonly documents: number
  /** Tokens of a text at most, beside its beginning. Default as many as the model reads, 1,024 at most; 128 where its files do not say. */
  readonly tokens?: number | undefined
  /** Default 1: the model's own distribution. */
  readonly temperature?: number | undefined
  /** Default 0. */
  readonly seed?: number | undefined
  /**
   * How texts begin, in turn; what is given is read, and does not count in the loss. Default the token that begins texts, else the one that ends
   * them, behind which another text began where the model learned from joined ones.
   */
  readonly prompts?: readonly string[] | undefined
  /** Texts that are written side by side. Default 16; as many as the file takes where it fixes that. */
  readonly batch?: number | undefined
  /**
   * Texts are written until so many seconds have gone, as each batch lets one expect: `documents` at most, but `least` in any case. What is
   * written is the beginning of what would be without. Default as long as it takes.
   */
  readonly within?: { readonly seconds: number; readonly least: number } | undefined
  /** Further ids that end a text, beside the tokenizer's. */
  readonly endTokens?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
  /** Is told how many texts are kept, of how many that are wanted, as they are written. */
  readonly onProgress?: ((kept: number, wanted: number) => void) | undefined
}

/** Texts that a model wrote. */
export interface SelfWritten {
  /** What is written counts in the loss, what was given does not; ids are those that were drawn. */
  readonly documents: readonly TokenDocument[]
  /** How many were written in all, and how many of these are left out, by why. */
  readonly written: number
  readonly leftOut: Readonly<Record<Unfit, number>>
  /** That writing took, once the model was open. */
  readonly seconds: number
  /** Whether the file's cache was used; else all tokens are read again for each. */
  readonly cached: boolean
  /** What became of the texts, as sentences. */
  readonly notes: readonly string[]
}
