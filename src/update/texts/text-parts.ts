import type { Dataset } from '../../data/dataset.ts'
import { packDocuments, type TokenDocument } from '../../data/documents/index.ts'
import { UsageError } from '../../errors.ts'
import type { TopTokens } from '../../evaluate/index.ts'
import type { TextLoss } from '../../measure/text-scores.ts'
import { vocabularyOf } from '../../model/language.ts'
import { itemAt, present } from '../../required.ts'
import type { KnownByHeart } from './by-heart.ts'
import { dealDocuments } from './deal-documents.ts'
import { rowAnswers } from './row-answers.ts'
import type { TextDocumentCounts, TextUpdateOptions } from './text-update-types.ts'

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
  /** Places of the documents of `order` and of `proof` among those held out; of `order` where it is of these. */
  readonly places: { readonly order: readonly number[] | undefined; readonly proof: readonly number[] }
  /** Where the given model turned out to know by heart what is to be rehearsed. */
  readonly byHeart: KnownByHeart | undefined
  readonly counts: TextDocumentCounts
}

/**
 * Documents by the part that they play, and these as rows.
 *
 * @param byHeart Where it was measured that the given model knows by heart what is to be rehearsed.
 * @throws UsageError `update-data` without new documents to train on or to measure on; and what packing throws.
 */
export function assignTexts(
  { model, data, rows: how }: TextUpdateOptions,
  byHeart?: KnownByHeart | undefined,
): TextParts {
  for (const [what, documents] of [
    ['to train on', data.train],
    ['held out from training', data.check],
  ] as const) {
    if (documents.length > 0) continue
    throw new UsageError('update-data', `An update needs new documents ${what}, but there are none.`)
  }
  const { length, overlap, tokenizer, pack } = how
  const { exemplars = [], heldOut = [], answers, first } = data
  const { rehearsed, order, proof, spared } = dealDocuments(data, byHeart !== undefined)
  const vocabulary = vocabularyOf(model)
  const rows = (
    name: string,
    documents: readonly TokenDocument[],
    by: 'documents' | 'joined' = 'documents',
  ) =>
    documents.length === 0
      ? undefined
      : packDocuments(documents, { name, length, overlap, tokenizer, vocabulary, pack: by }).dataset
  const chosen = rehearsed.map((place) => itemAt(exemplars, place, 'document'))
  const old = rows('old documents', chosen)
  const check = present(rows('new documents that are held out', data.check), 'new rows')
  return {
    train: present(rows('new documents', data.train, pack), 'new rows'),
    check,
    choose: (data.choose && rows('new documents to choose by', data.choose)) ?? check,
    rehearsed: old && {
      rows: old,
      answers: answers && rowAnswers(old, { answers, documents: exemplars, chosen: rehearsed }),
    },
    order: rows('old documents that order', order),
    proof: rows(
      'old documents that prove',
      proof.map((place) => itemAt(heldOut, place, 'document')),
    ),
    first: first && proof.map((place) => first.losses[place]),
    places: { order: spared, proof },
    byHeart,
    counts: {
      ...{ train: data.train.length, check: data.check.length, rehearsed: chosen.length },
      ...{ order: order.length, heldOut: proof.length },
    },
  }
}
