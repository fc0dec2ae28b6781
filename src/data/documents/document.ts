import type { ChatMessage } from '../text/index.ts'

/** How rows of a table hold documents. */
export const documentFormats = ['text', 'messages', 'sharegpt', 'alpaca', 'prompt-completion'] as const
export type DocumentFormat = (typeof documentFormats)[number]

/** A document as found, before a tokenizer makes tokens of it. */
export type RawDocument = {
  /** For example `train.jsonl, line 7`, or a file's name. */
  readonly place: string
} & (
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'chat'
      readonly messages: readonly ChatMessage[]
      /** Descriptions of tools, as the template reads them. */
      readonly tools?: unknown
    }
  | {
      readonly kind: 'instruction'
      readonly instruction: string
      readonly input: string
      readonly output: string
    }
  | { readonly kind: 'pair'; readonly prompt: string; readonly completion: string }
)

/** A document as token ids. */
export interface TokenDocument {
  readonly place: string
  /** With special tokens. */
  readonly ids: Int32Array
  /** 1 where a token counts in the loss, 0 elsewhere; left out where all do. The first token never counts: nothing is before it. */
  readonly learned?: Uint8Array | undefined
  /** UTF-8 bytes of the text that counts in the loss, without special tokens. */
  readonly bytes: number
}

/** Documents of all parts. */
export interface LoadedDocuments {
  readonly train: readonly TokenDocument[]
  readonly validation?: readonly TokenDocument[] | undefined
  readonly test?: readonly TokenDocument[] | undefined
  /** What was recognised, altered or left out, as sentences. */
  readonly notes: readonly string[]
}
