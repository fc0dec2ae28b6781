import type { TokenDocument } from '../../data/documents/index.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { ModelIdentity } from '../pack/index.ts'

/**
 * The version of the file format of packs of texts that is written. The numbers go on behind those of packs of rows, so that a
 * Holdfast that knows these alone says that it is too old.
 */
export const textPackVersion = 5

/**
 * How exemplars are chosen: `random`; `spread`, evenly over what the model loses on a byte; `hardest`, those on which it loses
 * most. See `keepTexts`.
 */
export const textChoices = ['random', 'spread', 'hardest'] as const
export type TextChoice = (typeof textChoices)[number]

/**
 * What must not be forgotten of a language model and its texts, in one file: enough to update the model, and to measure what the
 * update costs, when the texts are gone.
 */
export interface TextPack {
  /** Of the file's format. */
  readonly version: number
  /** ISO 8601. */
  readonly created: string
  /** The model that `answers` and `losses` are of. */
  readonly model: ModelIdentity
  /** SHA-256 of its `tokenizer.json`, 64 hexadecimal digits: documents are token ids, and mean nothing under another. */
  readonly tokenizer: string
  /** How many tokens the model knows. */
  readonly vocabulary: number
  /** Tokens in a row: `answers` and `losses` are those of documents packed one by one to rows of so many. */
  readonly rowLength: number
  /** Tokens of the row before that each further row of a document reads again. */
  readonly overlap: number
  /** Old documents to rehearse. */
  readonly exemplars: readonly TokenDocument[]
  /** What the model thinks likeliest at each token of `exemplars` that counts; undefined where it is not kept. */
  readonly answers?: TextAnswers | undefined
  /** Old documents that the model was not trained on, to prove updates on. */
  readonly heldOut: readonly TokenDocument[]
  /** What the model loses on each of `heldOut`. */
  readonly losses: readonly TextLoss[]
  /** How many releases have been proved on each of `heldOut`. */
  readonly uses: readonly number[]
  /** What the first release lost on each of `heldOut`, undefined for documents that came later; undefined while there was one release. */
  readonly first?: FirstRelease | undefined
  /** The releases of the model, first to last; the last is `model`. */
  readonly history: readonly TextRelease[]
  readonly budget: TextPackBudget
  /** The texts that the pack was made of, first to last. */
  readonly data: readonly TextDataIdentity[]
  /** Of Holdfast and what it ran on. */
  readonly versions: Readonly<Record<string, string>>
}

/**
 * The likeliest tokens, one row for each token of the documents that counts in the loss: documents one after another, tokens in their
 * order. That is the order in which the labels of rows that `packDocuments` makes (`pack: 'documents'`) count.
 */
export interface TextAnswers {
  /** int32 [tokens, k], the likeliest first. */
  readonly ids: Tensor<'int32'>
  /** Natural logarithms of their probabilities, float32 [tokens, k]; what is left to 1 is all other tokens' together, never below 0. */
  readonly logProbabilities: Tensor<'float32'>
}

export interface FirstRelease {
  readonly name: string
  readonly losses: readonly (TextLoss | undefined)[]
}

/** A model that was shipped, and what it lost on the documents that were held out then, together. */
export interface TextRelease {
  readonly model: ModelIdentity
  /** When it came into the pack, ISO 8601. */
  readonly created: string
  readonly documents: number
  readonly loss: TextLoss
}

/** How many exemplars a pack may hold, and what is kept of what the model thinks of them. */
export interface TextPackBudget {
  /** Tokens in all; undefined where documents are counted. */
  readonly tokens?: number | undefined
  /** Documents in all. */
  readonly documents?: number | undefined
  readonly choose: TextChoice
  /** The likeliest tokens that are kept at each place, 0 for none; undefined: by size. */
  readonly topTokens?: number | undefined
}

export interface TextDataIdentity {
  readonly name: string
  /** Of its training part, as documents of tokens. */
  readonly fingerprint: string
  readonly documents: number
  readonly tokens: number
}
