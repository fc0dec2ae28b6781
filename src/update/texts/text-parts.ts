import type { Dataset } from '../../data/dataset.ts'
import { packDocuments, type TokenDocument } from '../../data/documents/index.ts'
import { UsageError } from '../../errors.ts'
import type { TopTokens } from '../../evaluate/index.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import { vocabularyOf } from '../../model/language.ts'
import { present } from '../../required.ts'
import type { KnownByHeart } from './by-heart.ts'
import { type Dealt, dealDocuments, documentsAt } from './deal-documents.ts'
import { rowAnswers } from './row-answers.ts'
import type { TextDocumentCounts, TextRows, TextUpdateOptions } from './text-update-types.ts'

/** Old rows to rehearse, and what the given model thinks of them where that is known already. */
export interface Rehearsed {
  readonly rows: Dataset
  readonly answers: TopTokens | undefined
}

/** Documents by the part that they play, as rows. */
export interface TextParts {
  /** New rows to train on. */
  readonly train: Dataset
  /** New rows that say what was learned, and those that candidates are compared on: perhaps the same. */
  readonly check: Dataset
  readonly choose: Dataset
  readonly rehearsed: Rehearsed | undefined
  /** Old rows that order candidates. */
  readonly order: Dataset | undefined
  /** Old rows that prove. */
  readonly proof: Dataset | undefined
  /** What the first release lost on each document of `proof`. */
  readonly first: readonly (TextLoss | undefined)[] | undefined
  /** Where the given model turned out to know by heart what is to be rehearsed. */
  readonly byHeart: KnownByHeart | undefined
  readonly counts: TextDocumentCounts
}

/**
 * Documents by the part that they play, and these as rows.
 *
 * @throws UsageError `update-data` without new documents to train on or to measure on; and what packing throws.
 */
export function assignTexts(options: TextUpdateOptions): TextParts {
  const { data } = options
  for (const [what, documents] of [
    ['to train on', data.train],
    ['held out from training', data.check],
  ] as const) {
    if (documents.length > 0) continue
    throw new UsageError('update-data', `An update needs new documents ${what}, but there are none.`)
  }
  const rows = rowsOf(options)
  const old = oldParts(options, dealDocuments(data))
  const check = present(rows(rowNames.check, data.check), 'new rows')
  return {
    train: present(rows('new documents', data.train, options.rows.pack), 'new rows'),
    check,
    choose: (data.choose && rows('new documents to choose by', data.choose)) ?? check,
    ...old,
    counts: { train: data.train.length, check: data.check.length, ...old.counts },
  }
}

/** What rows are called. */
export const rowNames = {
  check: 'new documents that are held out',
  order: 'old documents that order',
} as const

/** The parts that old documents play, as rows. */
export interface OldParts extends Pick<TextParts, 'rehearsed' | 'order' | 'proof' | 'first' | 'byHeart'> {
  readonly counts: Pick<TextDocumentCounts, 'rehearsed' | 'order' | 'heldOut'>
}

/** @param byHeart Where it was measured that the given model knows by heart what is to be rehearsed. */
export function oldParts(options: TextUpdateOptions, dealt: Dealt, byHeart?: KnownByHeart): OldParts {
  const { exemplars = [], heldOut = [], answers, first } = options.data
  const { rehearsed, order, proof } = dealt
  const rows = rowsOf(options)
  const old = rows('old documents', documentsAt(exemplars, rehearsed))
  return {
    rehearsed: old && {
      rows: old,
      answers: answers && rowAnswers(old, { answers, documents: exemplars, chosen: rehearsed }),
    },
    order: rows(rowNames.order, order),
    proof: rows('old documents that prove', documentsAt(heldOut, proof)),
    first: first && proof.map((place) => first.losses[place]),
    byHeart,
    counts: { rehearsed: rehearsed.length, order: order.length, heldOut: proof.length },
  }
}

/** Documents as rows for the model; undefined for none. */
export function rowsOf({ model, rows: { length, overlap, tokenizer } }: TextUpdateOptions) {
  const how = { length, overlap, tokenizer, vocabulary: vocabularyOf(model) }
  return (
    name: string,
    documents: readonly TokenDocument[],
    pack: TextRows['pack'] = 'documents',
  ): Dataset | undefined =>
    documents.length === 0 ? undefined : packDocuments(documents, { name, ...how, pack }).dataset
}
