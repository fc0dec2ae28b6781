import { UsageError } from '../errors.ts'

/** What a language model's loss on rows of texts was. One entry a row in each list. */
export interface RowLosses {
  /** Sum of -ln p over the tokens that count, in nats. */
  readonly nats: ArrayLike<number>
  /** How many tokens count. */
  readonly tokens: ArrayLike<number>
  /** UTF-8 bytes of the text that they stand for. */
  readonly bytes: ArrayLike<number>
  /** The number of the row's document. */
  readonly documents: ArrayLike<number>
}

/** A loss on some text. */
export interface TextLoss {
  /** Sum of -ln p over the tokens that count, in nats. */
  readonly nats: number
  readonly tokens: number
  readonly bytes: number
}

/** A loss on some text in units that people read. */
export interface TextRates {
  /** Null where no token counts, or the loss is no number. */
  readonly perplexity: number | null
  /** Null there, too, and where nobody says how many bytes the text has. */
  readonly bitsPerByte: number | null
}

/** The loss on one document. */
export interface DocumentLoss extends TextLoss {
  readonly document: number
  /** How many rows it was cut to. */
  readonly rows: number
}

/**
 * The loss of each document from those of its rows, in the order in which the documents first appear.
 *
 * @throws UsageError `text-losses` where the lists differ in length or a loss is no number.
 * @example
 * documentLosses({ nats: [2, 4, 6], tokens: [1, 2, 3], bytes: [4, 8, 12], documents: [0, 0, 1] })
 * // [{ document: 0, rows: 2, nats: 6, tokens: 3, bytes: 12 }, { document: 1, rows: 1, nats: 6, tokens: 3, bytes: 12 }]
 */
export function documentLosses({ nats, tokens, bytes, documents }: RowLosses): readonly DocumentLoss[] {
  const { length } = documents
  if (nats.length !== length || tokens.length !== length || bytes.length !== length) {
    throw new UsageError(
      'text-losses',
      `Losses of rows come with as many tokens, bytes and documents, but there are ${nats.length}, ${tokens.length}, ${bytes.length} and ${length}.`,
    )
  }
  const found = new Map<number, DocumentLoss>()
  for (let row = 0; row < length; row++) {
    const document = at(documents, row)
    const before = found.get(document) ?? { document, rows: 0, nats: 0, tokens: 0, bytes: 0 }
    found.set(document, {
      document,
      rows: before.rows + 1,
      nats: before.nats + at(nats, row),
      tokens: before.tokens + at(tokens, row),
      bytes: before.bytes + at(bytes, row),
    })
  }
  return [...found.values()]
}

function at(list: ArrayLike<number>, row: number): number {
  const value = list[row]
  if (value !== undefined && Number.isFinite(value)) return value
  throw new UsageError('text-losses', `The loss of row ${row}, or what goes with it, is ${value}.`)
}

/**
 * The loss on several texts together: each token counts the same, whichever text it is of.
 *
 * @example
 * bitsPerByte(totalLoss(documentLosses(rows)))
 */
export function totalLoss(parts: Iterable<TextLoss>): TextLoss {
  let [nats, tokens, bytes] = [0, 0, 0]
  for (const part of parts) {
    nats += part.nats
    tokens += part.tokens
    bytes += part.bytes
  }
  return { nats, tokens, bytes }
}

/**
 * Bits that the model needs for a byte of the text, nats / (bytes ln 2): the loss in a unit that does not depend on how the
 * tokenizer cuts texts (Gao et al. 2020, The Pile).
 *
 * @throws UsageError `text-losses` for a text without bytes.
 * @example bitsPerByte({ nats: Math.log(2) * 8, tokens: 2, bytes: 4 }) // 2
 */
export function bitsPerByte({ nats, bytes }: TextLoss): number {
  if (bytes > 0) return nats / (bytes * Math.LN2)
  throw new UsageError('text-losses', 'Bits per byte need a text with bytes, and none counts in the loss.')
}

/** {@link bitsPerByte}, or null for a text of which nobody says how many bytes it has. */
export const bitsPerByteOrNull = (loss: TextLoss): number | null =>
  loss.bytes > 0 ? bitsPerByte(loss) : null

/**
 * Perplexity, exp of the mean of -ln p over the tokens that count.
 *
 * @throws UsageError `text-losses` where no token counts.
 * @example perplexity({ nats: 2 * Math.log(10), tokens: 2, bytes: 9 }) // 10
 */
export function perplexity({ nats, tokens }: TextLoss): number {
  if (tokens > 0) return Math.exp(nats / tokens)
  throw new UsageError('text-losses', 'A perplexity needs tokens, and none counts in the loss.')
}

/**
 * Both, with null for what the loss does not tell.
 *
 * @example textRates({ nats: Math.log(2) * 8, tokens: 8, bytes: 4 }) // { perplexity: 2, bitsPerByte: 2 }
 */
export function textRates(loss: TextLoss): TextRates {
  const known = Number.isFinite(loss.nats)
  return {
    perplexity: known && loss.tokens > 0 ? perplexity(loss) : null,
    bitsPerByte: known ? bitsPerByteOrNull(loss) : null,
  }
}
