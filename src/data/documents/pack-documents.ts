import { z } from 'zod'
import { DataError, UsageError } from '../../errors.ts'
import type { Dataset } from '../dataset.ts'
import type { TextTokenizer } from '../text/index.ts'
import type { TokenDocument } from './document.ts'
import { tokensIn } from './empty-documents.ts'
import { joinDocuments } from './join-documents.ts'
import { type RowTable, rowTable } from './row-table.ts'
import { rowDocuments, rowsDataset } from './rows-dataset.ts'
import { tokenSpans } from './token-span.ts'

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
 * Rows are not held: they are made of the documents' tokens whenever some are asked for.
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
  const table = rowTable(sources, length, overlap)
  const dataset = rowsDataset(table, { ...options, filler: options.tokenizer.filler })
  const tokens = tokensIn(sources)
  const read = rowsRead(table)
  return {
    dataset: pack === 'joined' ? dataset : { ...dataset, documents: rowDocuments(table) },
    tokens,
    dropped: tokens - read.tokens,
    counting: table.counting.reduce((sum, own) => sum + own, 0),
    filled: read.filled,
  }
}

function checkTokens(document: TokenDocument, { vocabulary }: PackOptions): void {
  for (const { ids } of tokenSpans(document)) {
    const strange = ids.find((id) => id < 0 || id >= vocabulary)
    if (strange === undefined) continue
    throw new DataError(
      'token-out-of-range',
      `${document.place}: token ${strange} is not one of the model's ${vocabulary} (0 to ${vocabulary - 1}). Is the tokenizer that of another model?`,
    )
  }
}

/** Tokens that rows read or predict, each of a document once, and places that are filled up. Rows of a document stand one after another. */
function rowsRead({ of, length, windowAt }: RowTable): { readonly tokens: number; readonly filled: number } {
  let [tokens, filled] = [0, 0]
  let [document, until] = [-1, 0]
  for (const [row, own] of of.entries()) {
    const { start, size } = windowAt(row)
    const end = start + size + 1
    tokens += end - Math.max(start, own === document ? until : 0)
    filled += length - size
    ;[document, until] = [own, end]
  }
  return { tokens, filled }
}
