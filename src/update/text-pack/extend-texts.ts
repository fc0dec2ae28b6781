import { count } from '../../count.ts'
import { documentKey, type TokenDocument, tokensIn, unseenDocuments } from '../../data/documents/index.ts'
import { UsageError } from '../../errors.ts'
import { totalLoss } from '../../measure/text-scores.ts'
import { itemAt } from '../../required.ts'
import { withinBudget } from './choose-documents.ts'
import { heldOutDocuments } from './held-out-documents.ts'
import {
  answersFor,
  HELD_OUT,
  identityOf,
  type KeepTextsOptions,
  type KeptTexts,
  learning,
  measuringOf,
  withSomething,
} from './keep-texts.ts'
import { lossesOn, refuseEncoder } from './measure-documents.ts'
import { chosenExemplars, piecesOf } from './text-exemplars.ts'
import { exemplarNotes, heldOutNotes, proofNotes } from './text-notes.ts'
import { type FirstRelease, type TextPack, type TextPackBudget, textPackVersion } from './text-pack.ts'

/** `model` is the updated one, `train` and `heldOut` what it learned; rows are as the pack has them, or longer: {@link extendedLength}. */
export interface ExtendTextsOptions extends Omit<KeepTextsOptions, 'overlap'> {
  readonly pack: TextPack
}

/**
 * The pack of an updated language model: the old pack's documents and those of the new texts beside them, inside the budget (by default the
 * old one), with what the updated model thinks likeliest at each token and loses on each document. What the first release lost stays: it
 * is the golden baseline.
 *
 * Data set n gets one n-th of the exemplars, so that all have as many tokens in the end.
 *
 * @throws UsageError `pack-mismatch` where the model's tokenizer is another one, or rows are shorter than the pack's; and what {@link keepTexts} throws.
 * @example
 * const { pack: next } = await extendTexts({ engine, pack, model: better, identity, tokenizer, name: 'manual', train, rowLength: 128 })
 */
export async function extendTexts(options: ExtendTextsOptions): Promise<KeptTexts> {
  const { pack, identity, name, seed = 0, rowLength } = options
  const { overlap } = pack
  const topTokens = options.topTokens ?? pack.budget.topTokens
  const budget = { ...(options.budget ?? pack.budget), topTokens }
  const how = measuringOf(options, rowLength, overlap)
  refuseMismatch(options, how.vocabulary)
  const round = pack.data.length
  const train = withSomething(options.train, `${name}, train part`)
  const found = piecesOf(train, rowLength)
  await refuseEncoder(found.pieces, how)
  const fresh = unseenDocuments(found.pieces, [...pack.exemplars, ...pack.heldOut])
  const old = withinBudget(pack.exemplars, ofOld(budget, fresh, round))
  const left = beside(budget, old)
  const joining =
    fresh.length === 0 || left.tokens === 0 || left.documents === 0
      ? []
      : await chosenExemplars(fresh, left, how, { seed, round })
  const exemplars = inTurns([old, joining])
  // What the update was trained on proves nothing of it.
  const trained = new Set([...train, ...found.pieces].map(documentKey))
  const stays = pack.heldOut.flatMap((document, at) => (trained.has(documentKey(document)) ? [] : [at]))
  const held = heldOutDocuments(learning(options.heldOut ?? []), {
    ...{
      others: [...train, ...found.pieces, ...pack.exemplars, ...pack.heldOut],
      most: options.heldOutDocuments,
    },
    ...{ rowLength, seed, round },
  })
  const heldOut = [...stays.map((at) => itemAt(pack.heldOut, at, 'document')), ...held.documents]
  const losses = await lossesOn(heldOut, how, HELD_OUT)
  const created = options.created ?? new Date().toISOString()
  const next: TextPack = {
    ...pack,
    ...{ version: textPackVersion, created, model: identity, rowLength, budget, exemplars },
    answers: await answersFor(exemplars, budget, how),
    ...{ heldOut, losses },
    uses: [
      ...stays.map((at) => itemAt(pack.uses, at, 'uses') + 1),
      // Those that join have proved nothing yet.
      ...held.documents.map(() => 0),
    ],
    first: firstOf(pack, stays, held.documents.length),
    history: [
      ...pack.history,
      { model: identity, created, documents: heldOut.length, loss: totalLoss(losses) },
    ],
    data: [...pack.data, identityOf(name, train)],
    versions: options.versions ?? pack.versions,
  }
  const notes = [
    ...exemplarNotes(name, train, found, joining, rowLength),
    ...trainedNotes(name, pack.heldOut.length - stays.length),
    ...heldOutNotes(name, held, rowLength),
    ...(held.documents.length > 0 ? [] : [noneJoined]),
    ...proofNotes(next.heldOut, options.heldOut),
  ]
  return { pack: next, notes }
}

const trainedNotes = (name: string, documents: number): readonly string[] =>
  documents === 0
    ? []
    : [
        `${name}: ${count(documents, 'held-out document')} of the pack ${documents === 1 ? 'is' : 'are'} trained on now, and left out: what was learned proves nothing.`,
      ]

const noneJoined = 'No document of the new texts is held out, so that the pack measures the old ones alone.'

/**
 * How long the rows of an extended pack are: where its documents fit into one row each, as long as the new ones need; else as they are, so
 * that the first release's losses stay comparable.
 *
 * @param wanted What the new documents would have.
 * @throws UsageError `pack-mismatch` where another length was asked for, and documents are cut by it.
 */
export function extendedLength(pack: TextPack, wanted: number, asked: number | undefined): number {
  const longest = [...pack.exemplars, ...pack.heldOut].reduce(
    (most, { ids }) => Math.max(most, ids.length - 1),
    1,
  )
  if (longest <= pack.rowLength) return Math.max(wanted, pack.rowLength)
  if (asked === undefined || asked === pack.rowLength) return pack.rowLength
  throw new UsageError(
    'pack-mismatch',
    `The pack was made with rows of ${pack.rowLength} tokens, and what it measured is not comparable with rows of ${asked}: leave the length out (maxLength), or make the pack anew.`,
  )
}

function refuseMismatch({ pack, identity, tokenizer }: ExtendTextsOptions, vocabulary: number): void {
  if (tokenizer.sha256 !== pack.tokenizer) throw otherTokenizer(pack, identity.name)
  if (vocabulary === pack.vocabulary) return
  throw new UsageError(
    'pack-mismatch',
    `${identity.name} knows ${vocabulary} tokens, but ${pack.model.name}, of which the pack is, ${pack.vocabulary}. It was expected to be an update of it.`,
  )
}

/** Documents are token ids, which mean nothing under another tokenizer. */
export const otherTokenizer = (pack: TextPack, name: string): UsageError =>
  new UsageError(
    'pack-mismatch',
    `The tokenizer of ${name} is not that of ${pack.model.name}, of which the pack is: its texts are kept as tokens, which mean nothing to another one. Put the tokenizer.json of ${pack.model.name} beside the model, name its folder (tokenizer), or make the pack anew.`,
  )

/** The old documents' part of a budget: one data set's part is for the new ones, and what they do not fill. */
function ofOld({ tokens, documents }: TextPackBudget, fresh: readonly TokenDocument[], round: number) {
  const part = (all: number | undefined, filled: number) =>
    all === undefined ? undefined : Math.max(Math.ceil((all * round) / (round + 1)), all - filled)
  return { tokens: part(tokens, tokensIn(fresh)), documents: part(documents, fresh.length) }
}

/** What is left of a budget beside the old documents. */
const beside = (budget: TextPackBudget, old: readonly TokenDocument[]): TextPackBudget => ({
  ...budget,
  tokens: budget.tokens === undefined ? undefined : Math.max(0, budget.tokens - tokensIn(old)),
  documents: budget.documents === undefined ? undefined : Math.max(0, budget.documents - old.length),
})

/** Documents of several lists by turns, so that a smaller pack keeps the beginning of each. */
export function inTurns(lists: readonly (readonly TokenDocument[])[]): readonly TokenDocument[] {
  return lists
    .flatMap((list, which) =>
      list.map((document, at) => ({ document, which, place: (at + 0.5) / list.length })),
    )
    .sort((a, b) => a.place - b.place || a.which - b.which)
    .map(({ document }) => document)
}

function firstOf({ first, model, losses }: TextPack, stays: readonly number[], joined: number): FirstRelease {
  const { name, losses: known } = first ?? { name: model.name, losses }
  return { name, losses: [...stays.map((at) => known[at]), ...new Array<undefined>(joined).fill(undefined)] }
}
