import {
  documentsFingerprint,
  type TokenDocument,
  tokensIn,
  tokensThatCount,
} from '../../data/documents/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError } from '../../errors.ts'
import { topTokensNotes } from '../../evaluate/index.ts'
import { totalLoss } from '../../measure/text-scores.ts'
import { vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import type { ModelIdentity } from '../pack/index.ts'
import { heldOutDocuments } from './held-out-documents.ts'
import { answersOn, type KeepProgress, lossesOn, type Measuring, refuseEncoder } from './measure-documents.ts'
import { chosenExemplars, piecesOf, textKeepDefaults, topTokensOf } from './text-exemplars.ts'
import { exemplarNotes, heldOutNotes, proofNotes } from './text-notes.ts'
import {
  type TextAnswers,
  type TextDataIdentity,
  type TextPack,
  type TextPackBudget,
  textPackVersion,
} from './text-pack.ts'

export interface KeepTextsOptions {
  readonly engine: Engine
  /** A decoder. */
  readonly model: Model
  readonly identity: ModelIdentity
  /** Its tokenizer: the SHA-256 of `tokenizer.json`, and the token that fills up rows. */
  readonly tokenizer: { readonly sha256: string; readonly filler: number }
  /** What messages call the texts. */
  readonly name: string
  /** What the model was trained on. */
  readonly train: readonly TokenDocument[]
  /** Documents that it was not trained on; without them no update can measure what it costs. */
  readonly heldOut?: readonly TokenDocument[] | undefined
  /** Tokens in a row: what the model reads at most, or the longest document's where that is less. */
  readonly rowLength: number
  /** Tokens of the row before that each further row of a document reads again. Default 0. */
  readonly overlap?: number | undefined
  /** Default 65,536 tokens of documents drawn at random. */
  readonly budget?: Omit<TextPackBudget, 'topTokens'> | undefined
  /** The likeliest tokens that are kept at each place, 0 for none; default 32, fewer where these would take more than 16 MiB. */
  readonly topTokens?: number | undefined
  /** Held-out documents at most; default as many as have 131,072 tokens. */
  readonly heldOutDocuments?: number | undefined
  /** Of what is drawn at random. Default 0. */
  readonly seed?: number | undefined
  /** ISO 8601; default now. */
  readonly created?: string | undefined
  /** Of Holdfast and what it runs on. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  /** Told what is measured, and tokens of documents that are done. */
  readonly onProgress?: KeepProgress | undefined
}

/** What is measured last, for those who follow. */
export const HELD_OUT = 'the loss on held-out documents'

/** A pack of texts, and what should be known of how it was made. */
export interface KeptTexts {
  readonly pack: TextPack
  readonly notes: readonly string[]
}

const defaultTextBudget: TextPackBudget = {
  tokens: textKeepDefaults.tokens,
  choose: textKeepDefaults.choose,
}

/**
 * Makes the retention pack of a language model: documents of its texts with what it thinks likeliest at each token of them, and documents
 * to prove on with what it loses on each. With it the model can be updated, and the update measured, when the texts are gone.
 *
 * @throws ModelError `model-looks-ahead`, `logits-not-finite`; DataError `documents-empty`, `token-out-of-range`; UsageError `model-data`.
 * @example
 * const { pack } = await keepTexts({ engine, model, identity, tokenizer, name: 'kjv', train, heldOut: test, rowLength: 128 })
 * await writeTextPack('gpt.keep', pack)
 */
export async function keepTexts(options: KeepTextsOptions): Promise<KeptTexts> {
  const { identity, name, seed = 0, rowLength, overlap = 0 } = options
  const budget = { ...(options.budget ?? defaultTextBudget), topTokens: options.topTokens }
  const how = measuringOf(options, rowLength, overlap)
  const train = withSomething(options.train, `${name}, train part`)
  const found = piecesOf(train, rowLength)
  await refuseEncoder(found.pieces, how)
  const exemplars = await chosenExemplars(found.pieces, budget, how, { seed })
  const held = heldOutDocuments(learning(options.heldOut ?? []), {
    ...{ others: train, most: options.heldOutDocuments, rowLength, seed },
  })
  const losses = await lossesOn(held.documents, how, HELD_OUT)
  const created = options.created ?? new Date().toISOString()
  const pack: TextPack = {
    ...{ version: textPackVersion, created, model: identity, tokenizer: options.tokenizer.sha256 },
    ...{ vocabulary: how.vocabulary, rowLength, overlap, budget, exemplars },
    answers: await answersFor(exemplars, budget, how),
    ...{ heldOut: held.documents, losses, uses: held.documents.map(() => 0) },
    first: undefined,
    history: [{ model: identity, created, documents: losses.length, loss: totalLoss(losses) }],
    data: [identityOf(name, train)],
    versions: options.versions ?? {},
  }
  const notes = [
    ...exemplarNotes(name, train, found, exemplars, rowLength),
    ...heldOutNotes(name, held, rowLength),
    ...proofNotes(pack.heldOut, options.heldOut),
    ...topTokensNotes(options.topTokens, how.vocabulary),
  ]
  return { pack, notes }
}

/** How a pack's documents are measured. */
export const measuringOf = (
  {
    engine,
    model,
    identity,
    tokenizer,
    onProgress,
  }: Pick<KeepTextsOptions, 'engine' | 'model' | 'identity' | 'tokenizer' | 'onProgress'>,
  rowLength: number,
  overlap: number,
): Measuring => ({
  ...{ engine, model, name: identity.name, vocabulary: vocabularyOf(model) },
  ...{ rowLength, overlap, filler: tokenizer.filler, onProgress },
})

/** What the model thinks likeliest at each token, where that is kept. */
export async function answersFor(
  exemplars: readonly TokenDocument[],
  { topTokens }: TextPackBudget,
  how: Measuring,
): Promise<TextAnswers | undefined> {
  const k = topTokensOf(topTokens, exemplars, how.vocabulary)
  return k === 0 ? undefined : answersOn(exemplars, k, how)
}

/** Documents in which something is to be learned. */
export const learning = (documents: readonly TokenDocument[]): readonly TokenDocument[] =>
  documents.filter((document) => tokensThatCount(document) > 0)

/** @throws DataError `documents-empty`. */
export function withSomething(documents: readonly TokenDocument[], place: string): readonly TokenDocument[] {
  const found = learning(documents)
  if (found.length > 0) return found
  throw new DataError('documents-empty', `${place}: there is no document to learn from.`)
}

export const identityOf = (name: string, documents: readonly TokenDocument[]): TextDataIdentity => ({
  ...{ name, fingerprint: documentsFingerprint(documents) },
  ...{ documents: documents.length, tokens: tokensIn(documents) },
})
