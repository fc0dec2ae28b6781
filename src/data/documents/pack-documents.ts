import { z } from 'zod'
import { DataError, UsageError } from '../../errors.ts'
import type { Dataset } from '../dataset.ts'
import type { TextTokenizer } from '../text/index.ts'
import type { TokenDocument } from './document.ts'
import { tokensIn } from './empty-documents.ts'
import { joinDocuments } from './join-documents.ts'
import { type Row, rowDocuments, rowsDataset } from './rows-dataset.ts'
import { type Window, windows } from './windows.ts'

/** How documents become rows. */
export const packSchema = z
  .enum(['documents', 'joined'])
  .describe(
    'how texts fill the rows they are trained in: documents (each row of one, filled up), joined (one after another, over the borders of rows)',
  )
export type Pack = z.output<typeof packSchema>

export interface PackOptions {
  readonly name: string
  /** Tokens in a row. */
  readonly length: number
  /** How many tokens the model knows: the classes. */
  readonly vocabulary: number
  /** What fills up short rows, and what stands around texts. */
  readonly tokenizer: Pick<TextTokenizer, 'filler' | 'eos' | 'frame'>
  /** Tokens of the row before that each further row of a document reads again. Default 0. */
  readonly overlap?: number | undefined
  /**
   * `documents` (default): each row is of one document, so that nothing is predicted from another. `joined`: documents stand one
   * after another with a token for the end of a text between them; rows are full, and see over the borders of documents.
   */
  readonly pack?: Pack | undefined
}

/** A data set of next tokens, and what became of the documents' tokens. */
export interface PackedDocuments {
  readonly dataset: Dataset
  /** Tokens of all documents. */
  readonly tokens: number
  /** Tokens that no row reads or predicts: pieces without anything to learn. */
  readonly dropped: number
  /** Tokens whose loss counts. */
  readonly counting: number
  /** Places in rows that are filled up. */
  readonly filled: number
}

/**
 * Documents as what a causal language model learns from: rows of token ids, int64 [N, T], and for each place the token that comes
 * after it, int32 [N, T]; -100 where nothing counts. Each token that counts does so in one row.
 *
 * Rows are filled up behind their text, where a causal model's answers do not depend on it, so no mask is needed, and none is
 * made: the token that ends texts may fill up rows without being taken for padding elsewhere.
 *
 * @throws DataError `token-out-of-range` naming the document; UsageError `pack-overlap`, `pack-end-missing`.
 * @example
 * const { dataset } = packDocuments(train, { name: 'kjv', length: 128, vocabulary: 2048, tokenizer })
 */
export function packDocuments(documents: readonly TokenDocument[], options: PackOptions): PackedDocuments {
  const { length, overlap = 0, pack = 'documents' } = options
  if (!(Number.isInteger(overlap) && overlap >= 0 && overlap < length)) {
    throw new UsageError(
      'pack-overlap',
      `Rows of ${length} tokens overlap by a whole number from 0 to ${length - 1}, but it is ${overlap} (overlap).`,
    )
  }
  for (const document of documents) checkTokens(document, options)
  const sources = pack === 'joined' ? [joinDocuments(documents, options.tokenizer)] : documents
  const rows = sources.flatMap((document, of) =>
    windows(document.ids.length, length, overlap).flatMap((window) => {
      const counting = countingIn(document, window)
      return counting === 0 ? [] : [{ document, of, window, counting }]
    }),
  )
  const dataset = rowsDataset(rows, { ...options, filler: options.tokenizer.filler })
  const tokens = tokensIn(sources)
  return {
    dataset: pack === 'joined' ? dataset : { ...dataset, documents: rowDocuments(rows, documents) },
    tokens,
    dropped: tokens - tokensSeen(rows),
    counting: rows.reduce((sum, row) => sum + row.counting, 0),
    filled: rows.reduce((sum, { window }) => sum + length - window.size, 0),
  }
}

function checkTokens({ ids, place }: TokenDocument, { vocabulary }: PackOptions): void {
  const strange = ids.find((id) => id < 0 || id >= vocabulary)
  if (strange === undefined) return
  throw new DataError(
    'token-out-of-range',
    `${place}: token ${strange} is not one of the model's ${vocabulary} (0 to ${vocabulary - 1}). Is the tokenizer that of another model?`,
  )
}

function countingIn({ learned }: TokenDocument, { start, size, from }: Window): number {
  const end = start + size
  if (!learned) return end - from + 1
  let sum = 0
  for (let at = from; at <= end; at++) sum += learned[at] ?? 0
  return sum
}

/** Tokens that rows read or predict, each of a document once. Rows of a document stand one after another. */
function tokensSeen(rows: readonly Row[]): number {
  let sum = 0
  let [document, until] = [-1, 0]
  for (const { of, window } of rows) {
    const end = window.start + window.size + 1
    sum += end - Math.max(window.start, of === document ? until : 0)
    ;[document, until] = [of, end]
  }
  return sum
}
